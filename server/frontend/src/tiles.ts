// The optional map: MapLibre over one PMTiles file of the site's own, read in parts. Nothing is asked of anybody else.

import { LngLatBounds, Map as MapLibre, Marker, NavigationControl, addProtocol, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import { PMTiles, Protocol, TileType } from "pmtiles";
import { data } from "./dom";
import { say } from "./strings";

interface Place {
  id: string;
  name: string;
  position: [number, number];
  count: number;
  severity: string;
}

/** Layers of the Protomaps basemap; without letters, which would need fonts of somebody else's. */
const LAYERS = [
  ["earth", "fill", { "fill-color": "#e6e0d0" }],
  ["landuse", "fill", { "fill-color": "#d5dcc3" }],
  ["landcover", "fill", { "fill-color": "#d5dcc3" }],
  ["water", "fill", { "fill-color": "#a9c8dd" }],
  ["roads", "line", { "line-color": "#8b897c", "line-width": ["interpolate", ["linear"], ["zoom"], 10, 0.5, 16, 4] }],
  ["buildings", "fill", { "fill-color": "#c4b9a2" }],
  ["boundaries", "line", { "line-color": "#a8281c", "line-dasharray": [3, 2] }],
] as const;

function style(url: string, isVector: boolean): StyleSpecification {
  const source = { type: isVector ? "vector" : "raster", url: `pmtiles://${url}`, ...(isVector ? {} : { tileSize: 256 }) };
  const layers = isVector
    ? LAYERS.map(([name, type, paint]) => ({ id: name, type, source: "site", "source-layer": name, paint }))
    : [{ id: "site", type: "raster", source: "site" }];
  const ground = { id: "ground", type: "background", paint: { "background-color": "#ece7da" } };
  return { version: 8, sources: { site: source }, layers: [ground, ...layers] } as unknown as StyleSpecification;
}

/** Two marks are at least so many CSS pixels apart: a finger finds each (WCAG 2.2, 2.5.8, asks for 24). */
const APART = 44;
/** From here on nothing is counted together any more: what stands on one post is pushed apart. */
const CLOSE = 18;
const RANKS = ["", "low", "medium", "high", "critical"];

const at = (place: Place): [number, number] => [place.position[1], place.position[0]];

/** Places whose marks would lie upon each other are one mark. Those where most is open come first. */
function together(map: MapLibre, places: Place[]): Place[][] {
  const groups: { x: number; y: number; places: Place[] }[] = [];
  for (const place of [...places].sort((a, b) => b.count - a.count || a.id.localeCompare(b.id))) {
    const { x, y } = map.project(at(place));
    const near = groups.find((group) => Math.hypot(group.x - x, group.y - y) < APART);
    if (near) near.places.push(place);
    else groups.push({ x, y, places: [place] });
  }
  return groups.map((group) => group.places);
}

/** How far each place's mark is moved, so that all are apart. */
function parted(map: MapLibre, places: Place[]): { x: number; y: number }[] {
  const from = places.map((place) => map.project(at(place)));
  const to = from.map(({ x, y }) => ({ x, y }));
  for (let round = 0, settled = false; round < 60 && !settled; round++) {
    settled = true;
    to.forEach((one, index) => {
      for (const other of to.slice(0, index)) {
        const [x, y] = [one.x - other.x, one.y - other.y];
        const distance = Math.hypot(x, y);
        if (distance >= APART - 0.5) continue;
        settled = false;
        const angle = distance ? Math.atan2(y, x) : 2.4 * index; // 2.4: no two the same way
        const push = (APART - distance) / 2;
        one.x += push * Math.cos(angle);
        one.y += push * Math.sin(angle);
        other.x -= push * Math.cos(angle);
        other.y -= push * Math.sin(angle);
      }
    });
  }
  return to.map(({ x, y }, index) => ({ x: x - (from[index]?.x ?? x), y: y - (from[index]?.y ?? y) }));
}

function named(element: HTMLElement, places: Place[], words: string): void {
  const worst = Math.max(...places.map((place) => RANKS.indexOf(place.severity)));
  element.className = places.length > 1 ? "tile-mark is-many" : "tile-mark";
  element.dataset.severity = RANKS[worst] ?? "";
  element.dataset.cameras = places.map((place) => place.id).join(" ");
  element.textContent = String(places.reduce((sum, place) => sum + place.count, 0));
  element.setAttribute("aria-label", words);
  element.title = words;
}

/** One camera: a link to what is open there. */
function mark(place: Place): HTMLElement {
  const element = document.createElement("a");
  element.href = `#camera-${place.id}`;
  named(element, [place], say("map.count", { name: place.name, count: String(place.count) }));
  return element;
}

/** Several cameras: a button that goes nearer, until each has a mark of its own. */
function group(map: MapLibre, places: Place[]): HTMLElement {
  const element = document.createElement("button");
  element.type = "button";
  const count = String(places.reduce((sum, place) => sum + place.count, 0));
  named(element, places, say("map.group", { cameras: String(places.length), count }));
  element.addEventListener("click", () => {
    const seen = new LngLatBounds();
    for (const place of places) seen.extend(at(place));
    const fitting = map.cameraForBounds(seen, { padding: 80, maxZoom: CLOSE })?.zoom ?? CLOSE;
    map.jumpTo({ center: seen.getCenter(), zoom: Math.min(CLOSE, Math.max(fitting, map.getZoom() + 1)) });
  });
  return element;
}

/** Show the map in a box, with the cameras' marks; they follow what `langan:places` says. */
export async function show(box: HTMLElement, text: string): Promise<void> {
  const url = new URL(data(box, "tiles"), location.href).href;
  const archive = new PMTiles(url);
  const header = await archive.getHeader();
  const protocol = new Protocol();
  protocol.add(archive);
  addProtocol("pmtiles", protocol.tile);
  setWorkerUrl(new URL("map-worker.js", import.meta.url).href); // of this server: the security policy allows no other
  box.hidden = false;
  const bounds = new LngLatBounds([header.minLon, header.minLat], [header.maxLon, header.maxLat]);
  const map = new MapLibre({ container: box, style: style(url, header.tileType === TileType.Mvt), bounds, attributionControl: false });
  map.addControl(new NavigationControl({ showCompass: false }));
  let places = JSON.parse(text) as Place[];
  let marks: Marker[] = [];
  const draw = () => {
    const held = marks.map((old) => old.getElement()).find((element) => element === document.activeElement)?.dataset.cameras?.split(" ")[0];
    for (const old of marks) old.remove();
    const groups = map.getZoom() < CLOSE ? together(map, places) : places.map((place) => [place]);
    const shifts = map.getZoom() < CLOSE ? [] : parted(map, places);
    marks = groups.map((members, index) => {
      const [first] = members as [Place, ...Place[]];
      const element = members.length > 1 ? group(map, members) : mark(first);
      const offset = shifts[index] ?? { x: 0, y: 0 };
      return new Marker({ element, offset: [offset.x, offset.y] }).setLngLat(at(first)).addTo(map);
    });
    // Who works with keys stays at the camera they were at.
    if (held) marks.map((made) => made.getElement()).find((element) => element.dataset.cameras?.split(" ").includes(held))?.focus();
  };
  const seen = new LngLatBounds();
  for (const place of places) seen.extend(at(place));
  if (!seen.isEmpty()) map.fitBounds(seen, { padding: 60, maxZoom: 17, animate: false });
  draw();
  map.on("zoomend", draw);
  map.on("resize", draw);
  addEventListener("langan:places", (event) => {
    places = JSON.parse((event as CustomEvent<string>).detail) as Place[];
    draw();
  });
}

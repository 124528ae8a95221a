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

function mark(place: Place): Marker {
  const element = document.createElement("a");
  element.href = `#camera-${place.id}`;
  element.className = "tile-mark";
  element.dataset.severity = place.severity;
  element.textContent = String(place.count);
  const words = say("map.count", { name: place.name, count: String(place.count) });
  element.setAttribute("aria-label", words);
  element.title = words;
  return new Marker({ element }).setLngLat([place.position[1], place.position[0]]);
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
  let marks: Marker[] = [];
  const draw = (json: string): Place[] => {
    const places = (JSON.parse(json) as Place[]).sort((a, b) => a.count - b.count); // the most on top
    for (const old of marks) old.remove();
    marks = places.map((place) => mark(place).addTo(map));
    return places;
  };
  const seen = new LngLatBounds();
  for (const { position } of draw(text)) seen.extend([position[1], position[0]]);
  if (!seen.isEmpty()) map.fitBounds(seen, { padding: 60, maxZoom: 17, animate: false });
  addEventListener("langan:places", (event) => draw((event as CustomEvent<string>).detail));
}

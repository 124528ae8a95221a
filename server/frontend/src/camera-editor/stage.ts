// The camera's picture with everything the file draws on it. Draws what it is told, and tells what hands do: taps, drags,
// arrow keys. Knows nothing of YAML.

import { say } from "../strings";
import { centre, crossing, middle, tidy } from "./geometry";
import type { Path, Point, Shape } from "./server";
import { sameSpot } from "./store";

const WIDE = 1000; // the drawing's own units; heights follow the picture
const STEP = 0.005;
const BIG_STEP = 0.05;
const NEAR_PX = 16;

/** Which points of a shape: its corners, or its direction's two ends. */
export type Part = "points" | "direction";

export interface Sketch {
  points: Point[];
  closed: boolean;
  /** Where the next point goes when somebody draws by keys. */
  cursor: Point | null;
}

export interface Hands {
  select(path: Path): void;
  /** A tap on the picture while something is being drawn. */
  tap(point: Point): void;
  /** Keys while something is being drawn. */
  key(event: KeyboardEvent): void;
  /** The points of the chosen shape are elsewhere; `done` when the hand has let go. */
  edit(part: Part, points: Point[], done: boolean): void;
}

export class Stage {
  private height = (WIDE * 9) / 16;
  private shapes: Shape[] = [];
  private chosen: Path | null = null;
  private sketch: Sketch | null = null;
  private pressed = 0;

  constructor(private readonly svg: SVGSVGElement, private readonly hands: Hands) {
    svg.addEventListener("click", (event) => {
      if (this.sketch) return hands.tap(this.pointOf(event));
      const shape = event.target instanceof Element ? event.target.closest<SVGElement>("[data-shape]") : null;
      if (shape?.dataset.shape) hands.select(JSON.parse(shape.dataset.shape) as Path);
    });
    svg.addEventListener("keydown", (event) => {
      if (this.sketch && event.target === svg) hands.key(event);
    });
    new ResizeObserver(() => this.draw()).observe(svg);
  }

  /** The picture's sides in pixels. */
  setSize(width: number, height: number): void {
    this.height = (WIDE * height) / width;
    this.svg.setAttribute("viewBox", `0 0 ${WIDE} ${this.height}`);
    this.draw();
  }

  show(shapes: Shape[], chosen: Path | null, sketch: Sketch | null): void {
    [this.shapes, this.chosen, this.sketch] = [shapes, chosen, sketch];
    this.draw();
  }

  /** Whether two points are one for a finger. */
  isNear(a: Point, b: Point): boolean {
    const px = this.svg.clientWidth || 1;
    return Math.hypot((a[0] - b[0]) * px, ((a[1] - b[1]) * px * this.height) / WIDE) < NEAR_PX;
  }

  focusPoint(part: Part, index: number): void {
    this.svg.querySelector<SVGElement>(`[data-handle="${part}-${index}"]`)?.focus();
  }

  private get unit(): number {
    return WIDE / (this.svg.clientWidth || WIDE);
  }

  private pointOf(event: MouseEvent): Point {
    const box = this.svg.getBoundingClientRect();
    return tidy([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  }

  private draw(): void {
    if (this.pressed) return; // a hand holds a point: `drag` moves what it holds
    const focused = this.svg.contains(document.activeElement) ? (document.activeElement as SVGElement).dataset.handle : undefined;
    this.svg.classList.toggle("drawing", this.sketch !== null);
    const rest = this.shapes.filter((shape) => !sameSpot(shape.path, this.chosen));
    const own = this.shapes.find((shape) => sameSpot(shape.path, this.chosen));
    const labels = this.node("g", { class: "labels", "aria-hidden": "true" });
    const parts = rest.map((shape) => this.outline(shape, false, labels));
    if (own) parts.push(this.outline(own, true, labels));
    parts.push(labels);
    if (own && !this.sketch) parts.push(this.handles(own));
    if (this.sketch) parts.push(this.sketched(this.sketch));
    this.svg.replaceChildren(...parts);
    if (focused) this.svg.querySelector<SVGElement>(`[data-handle="${focused}"]`)?.focus();
  }

  private outline(shape: Shape, isChosen: boolean, labels: SVGElement): SVGElement {
    const group = this.node("g", { class: `shape ${shape.shape} ${shape.kind ?? ""}${isChosen ? " chosen" : ""}`, "data-shape": JSON.stringify(shape.path) });
    const { points } = shape;
    if (!points.length) return group;
    if (shape.shape === "line") {
      group.append(this.node("polyline", { points: this.list(points), class: "hit" }), this.node("polyline", { points: this.list(points), class: "edge" }));
      const far = this.shapes.find((other) => other.path[0] === "zones" && other.path[1] === shape.into);
      if (far?.points.length) group.append(this.sideArrow(points, centre(far.points)));
    } else if (shape.shape === "lamp") {
      const [a, b] = [this.at(points[0] ?? [0, 0]), this.at(points[1] ?? [0, 0])];
      group.append(this.node("rect", { x: a[0], y: a[1], width: Math.max(0, b[0] - a[0]), height: Math.max(0, b[1] - a[1]) }));
    } else if (shape.shape === "calibration") {
      points.forEach((point, index) => group.append(this.cross(point), this.text(point, String(index + 1))));
    } else {
      group.append(this.node("polygon", { points: this.list(points) }));
      for (const edge of crossing(points)) group.append(this.edge(points[edge] as Point, points[(edge + 1) % points.length] as Point, "wrong"));
    }
    if (shape.direction?.length === 2) group.append(this.arrow(shape.direction[0] as Point, shape.direction[1] as Point));
    if (shape.name) labels.append(this.text(shape.shape === "line" ? middle(points[0] as Point, points[1] as Point) : centre(points), shape.name));
    return group;
  }

  private handles(shape: Shape): SVGElement {
    const group = this.node("g", { class: "handles" });
    const closed = !["line", "lamp", "calibration"].includes(shape.shape);
    for (const part of ["direction", "points"] as const) {
      const points = shape[part] ?? [];
      points.forEach((point, index) => {
        const following = points[(index + 1) % points.length] as Point;
        if (part === "points" && closed) group.append(this.adder(shape, index, middle(point, following)));
      });
      points.forEach((point, index) => group.append(this.handle(shape, part, point, index)));
    }
    return group;
  }

  private handle(shape: Shape, part: Part, point: Point, index: number): SVGElement {
    const count = (shape[part] ?? []).length;
    const words = { index: String(index + 1), count: String(count), x: percent(point[0]), y: percent(point[1]) };
    const label = part === "direction" ? say(index ? "editor.direction_to" : "editor.direction_from", words) : say("editor.corner", words);
    const group = this.node("g", { class: `handle ${part}`, tabindex: "0", role: "button", "aria-label": label, "data-handle": `${part}-${index}` });
    const [x, y] = this.at(point);
    group.append(this.node("circle", { cx: x, cy: y, r: 22 * this.unit, class: "touch" }), this.node("circle", { cx: x, cy: y, r: 8 * this.unit, class: "dot" }));
    group.addEventListener("pointerdown", (event) => this.drag(event, shape, part, index, shape[part] ?? []));
    group.addEventListener("keydown", (event) => this.keys(event, shape, part, index));
    return group;
  }

  /** A small dot in the middle of an edge: dragged, it becomes a corner. */
  private adder(shape: Shape, index: number, point: Point): SVGElement {
    const [x, y] = this.at(point);
    const group = this.node("g", { class: "adder", "aria-hidden": "true" });
    group.append(this.node("circle", { cx: x, cy: y, r: 16 * this.unit, class: "touch" }), this.node("circle", { cx: x, cy: y, r: 5 * this.unit, class: "dot" }));
    group.addEventListener("pointerdown", (event) => this.drag(event, shape, "points", index + 1, [...shape.points.slice(0, index + 1), point, ...shape.points.slice(index + 1)]));
    return group;
  }

  private drag(event: PointerEvent, shape: Shape, part: Part, index: number, from: Point[]): void {
    if (event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    const points = [...from];
    const began: Point = [event.clientX, event.clientY];
    let moved = false;
    const held = new AbortController();
    const move = (now: PointerEvent): void => {
      if (now.pointerId !== event.pointerId) return;
      if (!moved && Math.hypot(now.clientX - began[0], now.clientY - began[1]) < 3) return;
      moved = true;
      points[index] = this.pointOf(now);
      this.hands.edit(part, points, false);
      this.pressed = 0;
      this.draw();
      this.pressed = event.pointerId + 1;
    };
    const end = (now: PointerEvent): void => {
      if (now.pointerId !== event.pointerId) return;
      held.abort();
      this.pressed = 0;
      if (moved && now.type === "pointerup") this.hands.edit(part, points, true);
      else if (moved) this.hands.edit(part, shape[part] ?? [], true);
      this.draw();
      this.focusPoint(part, index);
    };
    this.pressed = event.pointerId + 1;
    addEventListener("pointermove", move, { signal: held.signal });
    addEventListener("pointerup", end, { signal: held.signal });
    addEventListener("pointercancel", end, { signal: held.signal });
  }

  private keys(event: KeyboardEvent, shape: Shape, part: Part, index: number): void {
    const points = [...(shape[part] ?? [])];
    const way = arrow(event);
    const here = points[index] as Point;
    let focus = index;
    if (way) points[index] = tidy([here[0] + way[0], here[1] + way[1]]);
    else if (part === "points" && (event.key === "Delete" || event.key === "Backspace")) {
      points.splice(index, 1);
      focus = Math.max(0, index - 1);
    } else if (part === "points" && (event.key === "+" || event.key === "Insert")) {
      points.splice(index + 1, 0, tidy(middle(here, points[(index + 1) % points.length] as Point)));
      focus = index + 1;
    } else return;
    event.preventDefault();
    this.hands.edit(part, points, true);
    this.focusPoint(part, focus);
  }

  private sketched(sketch: Sketch): SVGElement {
    const group = this.node("g", { class: "sketch" });
    const { points } = sketch;
    if (points.length > 2 && sketch.closed) group.append(this.node("polygon", { points: this.list(points) }));
    else group.append(this.node("polyline", { points: this.list(points) }));
    if (sketch.closed) for (const edge of crossing(points)) group.append(this.edge(points[edge] as Point, points[(edge + 1) % points.length] as Point, "wrong"));
    points.forEach((point, index) => {
      const [x, y] = this.at(point);
      group.append(this.node("circle", { cx: x, cy: y, r: (index ? 6 : 9) * this.unit, class: index ? "dot" : "dot first" }));
    });
    if (sketch.cursor) group.append(this.cross(sketch.cursor));
    return group;
  }

  private sideArrow(points: Point[], far: Point): SVGElement {
    const [a, b, to] = [this.at(points[0] as Point), this.at(points[1] as Point), this.at(far)];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const normal: Point = [-(b[1] - a[1]) / length, (b[0] - a[0]) / length];
    const mid = middle(a, b);
    const side = normal[0] * (to[0] - mid[0]) + normal[1] * (to[1] - mid[1]) < 0 ? -1 : 1;
    const tip: Point = [mid[0] + normal[0] * side * 60, mid[1] + normal[1] * side * 60];
    return this.arrow([mid[0] / WIDE, mid[1] / this.height], [tip[0] / WIDE, tip[1] / this.height]);
  }

  private arrow(from: Point, to: Point): SVGElement {
    const [a, b] = [this.at(from), this.at(to)];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1]) || 1;
    const [dx, dy] = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
    const size = 16 * this.unit;
    const wing = (turn: number): Point => [b[0] - size * (dx - turn * dy * 0.6), b[1] - size * (dy + turn * dx * 0.6)];
    const path = `M${a} L${b} M${wing(1)} L${b} L${wing(-1)}`;
    const group = this.node("g", { class: "arrow" });
    group.append(this.node("path", { d: path, class: "halo" }), this.node("path", { d: path }));
    return group;
  }

  private cross(point: Point): SVGElement {
    const [x, y] = this.at(point);
    const r = 12 * this.unit;
    const path = `M${x - r},${y} H${x + r} M${x},${y - r} V${y + r}`;
    const group = this.node("g", { class: "cross" });
    group.append(this.node("path", { d: path, class: "halo" }), this.node("path", { d: path }));
    return group;
  }

  private edge(a: Point, b: Point, look: string): SVGElement {
    return this.node("polyline", { points: this.list([a, b]), class: look });
  }

  private text(point: Point, words: string): SVGElement {
    const [x, y] = this.at(point);
    const text = this.node("text", { x, y: y - 8 * this.unit, "font-size": 14 * this.unit, "stroke-width": 4 * this.unit });
    text.textContent = words;
    return text;
  }

  private at([x, y]: Point): Point {
    return [x * WIDE, y * this.height];
  }

  private list(points: readonly Point[]): string {
    return points.map((point) => this.at(point).join(",")).join(" ");
  }

  private node(name: string, attributes: Record<string, string | number>): SVGElement {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    return made;
  }
}

/** The step of an arrow key, longer with Shift. */
export function arrow(event: KeyboardEvent): Point | null {
  const step = event.shiftKey ? BIG_STEP : STEP;
  const ways: Record<string, Point> = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  return ways[event.key] ?? null;
}

export const percent = (share: number): string => (share * 100).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });

// Drawing something new: what is being drawn, its points so far, and when it is whole.

import { slug } from "./geometry";
import type { Change, Kind, Path, Point, Shape } from "./server";

export type Tool = Kind | "direction";

/** How many points each thing has: at least, at most. */
const COUNTS: Record<Tool, readonly [number, number]> = {
  zone: [3, 64], line: [2, 2], direction: [2, 2], privacy: [3, 64], motion: [3, 64], lamp: [2, 2], calibration: [4, 64],
};

export class Sketching {
  points: Point[] = [];
  cursor: Point | null = null;

  constructor(
    readonly tool: Tool,
    /** The zone or line that has no coordinates yet, or whose direction is drawn. */
    readonly target: Path | null,
  ) {}

  get isClosed(): boolean {
    return this.least === 3;
  }

  get least(): number {
    return COUNTS[this.tool][0];
  }

  get isWhole(): boolean {
    return this.points.length >= this.least;
  }

  get isFull(): boolean {
    return this.points.length >= COUNTS[this.tool][1];
  }

  /** What the file becomes by it, and the path of what was made. */
  changes(shapes: readonly Shape[], name: string, kind: string): { changes: Change[]; path: Path } {
    const { points, target } = this;
    if (this.tool === "direction" && target) return { path: target, changes: [{ path: [...target, "direction"], value: points }] };
    if (target) return { path: target, changes: [{ path: [...target, "coordinates"], value: points }] };
    const ids = (section: string): Set<string> => new Set(shapes.filter((shape) => shape.path[0] === section).map((shape) => String(shape.path[1])));
    const count = shapes.filter((shape) => shape.shape === this.tool).length;
    const one = (path: Path, value: unknown): { changes: Change[]; path: Path } => ({ path, changes: [{ path, value }] });
    if (this.tool === "privacy") return one(["privacy", "masks", count], points);
    if (this.tool === "motion") return one(["motion", "mask", count], points);
    if (this.tool === "line") return one(["lines", slug(name, ids("lines"))], { name, kind: "stop_line", coordinates: points });
    if (this.tool === "lamp") {
      const [xs, ys] = [points.map(([x]) => x).sort(), points.map(([, y]) => y).sort()];
      return one(["signals", slug(name, ids("signals"))], { kind: "lamp", box: [xs[0], ys[0], xs[1], ys[1]] });
    }
    return one(["zones", slug(name, ids("zones"))], { name, kind, coordinates: points });
  }
}

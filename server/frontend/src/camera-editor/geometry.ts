// The picture's geometry: crossing edges, arrows, ids.

import type { Point } from "./server";

const turn = (a: Point, b: Point, c: Point): number => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

function cross(a: Point, b: Point, c: Point, d: Point): boolean {
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

/** Which edges of a polygon cross another one; edge `i` runs from corner `i` to the next. */
export function crossing(points: readonly Point[]): Set<number> {
  const found = new Set<number>();
  const at = (index: number): Point => points[index % points.length] ?? [0, 0];
  for (let i = 0; i < points.length; i++)
    for (let j = i + 2; j < points.length; j++)
      if (cross(at(i), at(i + 1), at(j), at(j + 1))) found.add(i).add(j);
  return found;
}

export function centre(points: readonly Point[]): Point {
  const sum = points.reduce<Point>(([x, y], point) => [x + point[0], y + point[1]], [0, 0]);
  return [sum[0] / (points.length || 1), sum[1] / (points.length || 1)];
}

export const middle = (a: Point, b: Point): Point => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

export const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** Into the picture, to a tenth of a pixel of a common camera. */
export function tidy([x, y]: Point): Point {
  const share = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 10_000) / 10_000;
  return [share(x), share(y)];
}

/** An id for a name that people gave: `Làn phải` becomes `lan_phai`, or `lan_phai_2` where that is taken. */
export function slug(name: string, taken: ReadonlySet<string>): string {
  const plain = name.toLowerCase().replace(/đ/g, "d").normalize("NFD").replace(/[\u0300-\u036f]/g, "");
  const base = plain.replace(/[^a-z0-9]+/g, "_").replace(/^_+|_+$/g, "").slice(0, 56) || "vung";
  let id = base;
  for (let count = 2; taken.has(id); count++) id = `${base}_${count}`;
  return id;
}

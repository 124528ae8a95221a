// Questions to the server about a text that nobody has saved: is it right, what does it draw, make this change in it.

import { data, one } from "../dom";

export type Point = [number, number];
export type Path = (string | number)[];

export interface Problem {
  line: number;
  path: string;
  message: string;
  remedy: string;
}

export type Kind = "zone" | "line" | "privacy" | "motion" | "lamp" | "calibration";

export interface Shape {
  path: Path;
  shape: Kind;
  name: string;
  kind?: string;
  points: Point[];
  direction?: Point[];
  into?: string;
  metres?: Point[];
  in_preset?: boolean;
  /** First and last line of it in the text, from 1. */
  lines: number[];
}

export interface Rule {
  kind: string;
  zones: string[];
}

/** One value becomes another; `null` takes the entry away. */
export interface Change {
  path: Path;
  value: unknown;
}

export interface Draft {
  text: string;
  problems: Problem[];
  shapes: Shape[];
  rules: Rule[];
  /** How many rules the file itself has, without its preset's. */
  own_rules: number;
  schedules?: string[];
}

/** The server did not make the change; `problems` say why, and are empty where it could not be reached. */
export class Refused extends Error {
  constructor(readonly problems: Problem[]) {
    super("refused");
  }
}

const root = one("[data-camera-editor]");
const camera = data(root, "camera") || null;
const token = one<HTMLInputElement>("[name=csrf_token]", root).value;

async function ask(url: string, body: object): Promise<Draft> {
  const response = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify({ camera, ...body }),
  }).catch(() => null);
  if (response?.ok) return (await response.json()) as Draft;
  const refusal = response?.status === 422 ? ((await response.json()) as { problems?: Problem[] }) : {};
  throw new Refused(refusal.problems ?? []);
}

export const check = (text: string): Promise<Draft> => ask(data(root, "check"), { text });
export const change = (text: string, changes: Change[]): Promise<Draft> => ask(data(root, "change"), { text, changes });

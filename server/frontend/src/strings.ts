// The page's words in the request's language, from the JSON block that the server writes.

import { byId } from "./dom";

const strings = JSON.parse(byId("strings").textContent ?? "{}") as Record<string, string>;

export function say(id: string, values: Record<string, string> = {}): string {
  return (strings[id] ?? id).replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export function announce(text: string): void {
  byId("announce").textContent = text;
}

// Keeps "3 minutes ago" true while a page stays open. Elements carry the moment in data-ago (ISO 8601).

import { all, data } from "./dom";

let format: Intl.RelativeTimeFormat | undefined; // made when first needed: loading a language's words takes a slow phone long
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.min(0, (Date.parse(iso) - now) / 1000);
  const [unit, size] = STEPS.find(([, size]) => -seconds >= size * 0.95) ?? (["second", 1] as const);
  format ??= new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  return format.format(Math.round(seconds / size), unit);
}

export function clock(at = new Date()): string {
  return at.toLocaleTimeString(document.documentElement.lang, { hour12: false, timeZone: "Asia/Ho_Chi_Minh" });
}

export function refreshAgo(root: ParentNode = document): void {
  for (const element of all("[data-ago]:not([data-ago=''])", root)) element.textContent = ago(data(element, "ago"));
}

setInterval(() => refreshAgo(), 15_000);

// On the wall's cards: who else has an incident open. Asked for every few seconds while the page is looked at.

import { all, one } from "./dom";
import { say } from "./strings";

const EVERY_MS = 6_000;

type Viewers = Record<string, string[]>;

function show(wall: HTMLElement, viewers: Viewers): void {
  for (const card of all("article.card", wall)) {
    const names = viewers[card.dataset.incident ?? ""] ?? [];
    const place = one(".looking", card);
    const text = names.length ? say("presence.others", { names: names.join(", ") }) : "";
    const words = one("span", place);
    if (words.textContent !== text) words.textContent = text;
    place.hidden = !text;
  }
}

export function showViewers(wall: HTMLElement, url: string): void {
  async function ask(): Promise<void> {
    if (document.hidden) return;
    const answer = await fetch(url, { redirect: "error" }).catch(() => null);
    // What cannot be asked any more is not said any more: somebody may have closed it since.
    const { viewers } = answer?.ok ? ((await answer.json()) as { viewers: Viewers }) : { viewers: {} };
    show(wall, viewers);
  }

  setInterval(() => void ask(), EVERY_MS); // the server drew what was true when the page was asked for
  document.addEventListener("visibilitychange", () => void ask());
}

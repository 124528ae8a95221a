// Keys of the wall: one letter each, so they can be switched off (WCAG 2.1.4), and are never taken from a field.

import { all, around, byId, one } from "./dom";
import { announce, say } from "./strings";

const OFF = "langan.keys";

function areOff(): boolean {
  try {
    return localStorage.getItem(OFF) === "off";
  } catch {
    return false;
  }
}

/** Go to another card; the first when none has the focus. */
function go(wall: HTMLElement, step: 1 | -1): void {
  const cards = all("article.card", wall);
  const at = cards.findIndex((card) => card.contains(document.activeElement));
  const next = cards[at < 0 ? 0 : Math.min(cards.length - 1, Math.max(0, at + step))];
  if (!next) return;
  one("h2 a", next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function acknowledge(wall: HTMLElement): void {
  const card = all("article.card", wall).find((item) => item.contains(document.activeElement));
  const form = card?.querySelector<HTMLFormElement>("form[data-act]");
  if (form) form.requestSubmit();
  else announce(say(card ? "keys.nothing" : "keys.no_card"));
}

/** Listen for keys on a wall of cards. */
export function listen(wall: HTMLElement, mute: () => void): void {
  const help = byId<HTMLDialogElement>("keys");
  const on = byId<HTMLInputElement>("keys-on");
  const open = byId<HTMLButtonElement>("keys-open");
  on.checked = !areOff();
  open.hidden = false;
  open.addEventListener("click", () => help.showModal());
  on.addEventListener("change", () => {
    try {
      localStorage.setItem(OFF, on.checked ? "on" : "off");
    } catch {
      // storage is forbidden: it holds as long as the page
    }
  });
  addEventListener("keydown", (event) => {
    if (!on.checked || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    if (around(event, "input, select, textarea, [contenteditable]")) return;
    const isOnCard = around(event, "article.card") !== null;
    const actions: Record<string, () => void> = {
      j: () => go(wall, 1),
      k: () => go(wall, -1),
      a: () => acknowledge(wall),
      m: mute,
      "?": () => help.showModal(),
      // Arrows scroll, as everywhere; between cards only once a card has the focus.
      ...(isOnCard ? { ArrowDown: () => go(wall, 1), ArrowUp: () => go(wall, -1) } : {}),
    };
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

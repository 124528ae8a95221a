// Parts that unfold (<details>) and lie over the page work without a script. This adds what a menu is expected to do:
// Escape closes it and gives the focus back, and a press elsewhere, or the focus going elsewhere, closes it.

import { all, one } from "./dom";

const OPEN = "details.sheet[open], details[data-folds][open]";

/** Close the innermost open part around the focus, else the last one that is open. */
function closeOne(): boolean {
  const open = all<HTMLDetailsElement>(OPEN);
  const part = open.filter((item) => item.contains(document.activeElement)).at(-1) ?? open.at(-1);
  if (!part) return false;
  part.open = false;
  one("summary", part).focus();
  return true;
}

function closeAllBut(target: EventTarget | null): void {
  for (const menu of all<HTMLDetailsElement>("details[data-folds][open]")) {
    if (target instanceof Node && !menu.contains(target)) menu.open = false;
  }
}

export function setUp(): void {
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (closeOne()) event.preventDefault();
  });
  addEventListener("pointerdown", (event) => closeAllBut(event.target));
  addEventListener("focusin", (event) => closeAllBut(event.target));
}

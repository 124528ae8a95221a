// The police wall: new cards appear at the top, changed ones are redrawn where they are. The server draws every card.

import { alarm, rank, setUp, toggleMute } from "../alarm";
import { all, around, byId, data, one } from "../dom";
import { listen } from "../keys";
import { follow, showState } from "../stream";
import { announce, say } from "../strings";
import { refreshAgo } from "../time";
import { showViewers } from "../viewers";

const MAX_CARDS = 120;
const BATCH_MS = 120;
const MAX_ASKED = 40; // an address holds so many numbers; who slept for long asks more than once

const wall = byId("wall");
const empty = byId("wall-empty");
const problem = byId("live-problem");
const title = document.title;
const waiting = new Set<string>();
let timer = 0;

function cardsOf(html: string): HTMLElement[] {
  const page = new DOMParser().parseFromString(html, "text/html");
  return all("article.card", page);
}

// How many nobody has taken on stands in the tab's title: it is seen from another tab, too.
function countNew() {
  const count = wall.querySelectorAll('.card[data-state="new"]').length;
  document.title = count ? `(${count}) ${title}` : title;
}

function titleOf(card: HTMLElement): string {
  return `${one("h2", card).textContent?.trim()}, ${one(".meta b", card).textContent?.trim()}`;
}

function buttonOf(card: HTMLElement): HTMLElement {
  return card.querySelector<HTMLElement>("form button") ?? one("h2 a", card);
}

/** The focus of a card that is drawn anew stays where it was: Enter on a title opens, and must not come to acknowledge. */
function focusAgain(old: HTMLElement, card: HTMLElement): void {
  (one("h2 a", old) === document.activeElement ? one("h2 a", card) : buttonOf(card)).focus({ preventScroll: true });
}

const isTold = (card: HTMLElement) => card.dataset.state === "new" && card.dataset.alert === "alert";

function tell(card: HTMLElement): void {
  announce(say("live.announce", { what: titleOf(card) }));
  alarm(card.dataset.severity);
}

function show(card: HTMLElement, { isNew }: { isNew: boolean }): void {
  const old = document.getElementById(card.id);
  const hadFocus = old?.contains(document.activeElement);
  if (old) {
    old.before(card);
    if (hadFocus) focusAgain(old, card);
    old.remove();
    const hasRisen = rank(card.dataset.severity) > rank(old.dataset.severity);
    if (isTold(card) && (hasRisen || !isTold(old))) tell(card); // it got worse, or is no longer kept quiet
  } else {
    wall.prepend(card);
    if (isNew) {
      card.classList.add("is-new");
      if (isTold(card)) tell(card);
    }
  }
  refreshAgo(card);
  countNew();
}

async function fetchCards(ids: readonly string[]): Promise<HTMLElement[]> {
  const url = new URL(data(wall, "cards"), location.href);
  for (const id of ids) url.searchParams.append("id", id);
  const response = await fetch(url, { redirect: "error" });
  if (!response.ok) throw new Error(`cards: ${response.status}`);
  return cardsOf(await response.text());
}

async function update() {
  const ids = [...waiting].slice(0, MAX_ASKED);
  for (const id of ids) waiting.delete(id);
  try {
    const cards = await fetchCards(ids);
    const found = new Set(cards.map((card) => card.dataset.incident));
    // What the server no longer gives (it left the filter, or the officer's area) leaves the wall.
    for (const id of ids) if (!found.has(id)) document.getElementById(`incident-${id}`)?.remove();
    for (const card of cards.reverse()) show(card, { isNew: true });
    while (wall.children.length > MAX_CARDS) wall.lastElementChild?.remove();
    empty.hidden = wall.children.length > 0;
  } catch {
    for (const id of ids) waiting.add(id);
    timer = setTimeout(update, 4_000);
    return;
  }
  // What came while the cards were fetched has waited: nothing else would fetch it before the next alert.
  timer = waiting.size ? setTimeout(update, BATCH_MS) : 0;
}

async function resync() {
  try {
    const cards = await fetchCards([]);
    const known = new Set([...wall.children].map((card) => card.id));
    for (const card of cards) card.classList.toggle("is-new", !known.has(card.id));
    const fresh = cards.filter((card) => !known.has(card.id) && isTold(card));
    const ids = new Set(cards.map((card) => card.id));
    const held = all("article.card", wall).find((card) => card.contains(document.activeElement));
    const again = held && cards.find((card) => card.id === held.id);
    const kept = all(":scope > *", wall).filter((card) => !ids.has(card.id) && card.contains(document.activeElement));
    if (held && again) {
      held.before(again);
      focusAgain(held, again);
    }
    // What has the focus is not moved: a browser takes the focus from what is put elsewhere.
    for (const card of all(":scope > *", wall)) if (card !== again && !kept.includes(card)) card.remove();
    const at = again ? cards.indexOf(again) : -1;
    if (again) wall.prepend(...cards.slice(0, at));
    wall.append(...cards.slice(at + 1));
    empty.hidden = wall.children.length > 0;
    refreshAgo(wall);
    countNew();
    const [worst] = fresh.sort((a, b) => rank(b.dataset.severity) - rank(a.dataset.severity));
    if (worst) tell(worst);
  } catch {
    setTimeout(resync, 4_000);
  }
}

follow(data(wall, "stream"), {
  alert(message) {
    waiting.add(message.id);
    timer ||= setTimeout(update, BATCH_MS);
  },
  resync,
  state: showState,
});

// Acknowledge from the card, without leaving the wall. Without this the form posts and comes back.
wall.addEventListener("submit", async (event) => {
  const form = around<HTMLFormElement>(event, "form[data-act]");
  if (!form) return;
  event.preventDefault();
  const button = one<HTMLButtonElement>("button", form);
  button.disabled = true;
  problem.hidden = true;
  try {
    // Not `form.action`: the form has a field of that name, which hides the address.
    const response = await fetch(form.getAttribute("action") ?? "", { method: "POST", body: new FormData(form), headers: { "X-Fragment": "card" }, redirect: "error" });
    if (!response.ok && response.status !== 409) throw new Error(`act: ${response.status}`);
    const [card] = cardsOf(await response.text());
    if (!card) throw new Error("act: no card");
    show(card, { isNew: false });
    buttonOf(card).focus();
  } catch {
    button.disabled = false;
    one("div", problem).textContent = say("live.failed");
    problem.hidden = false;
    button.focus();
  }
});

// In tasks of their own: a finger may come between. The server has said already how long ago things were.
for (const part of [setUp, () => listen(wall, toggleMute), () => showViewers(wall, data(wall, "viewers")), refreshAgo, countNew]) setTimeout(part);

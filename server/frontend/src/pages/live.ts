// The police wall: new cards appear at the top, changed ones are redrawn where they are. The server draws every card.

import { all, around, byId, data, one } from "../dom";
import { follow } from "../stream";
import { announce, say } from "../strings";
import { clock, refreshAgo } from "../time";

const MAX_CARDS = 120;
const BATCH_MS = 120;

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

function show(card: HTMLElement, { isNew }: { isNew: boolean }): void {
  const old = document.getElementById(card.id);
  const hadFocus = old?.contains(document.activeElement);
  if (old) {
    old.replaceWith(card);
    if (hadFocus) buttonOf(card).focus();
  } else {
    wall.prepend(card);
    if (isNew) {
      card.classList.add("is-new");
      if (card.dataset.state === "new" && card.dataset.alert === "alert") {
        announce(say("live.announce", { what: titleOf(card) }));
        beep();
      }
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
  const ids = [...waiting];
  waiting.clear();
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
    const fresh = cards.some((card) => !known.has(card.id) && card.dataset.state === "new" && card.dataset.alert === "alert");
    const ids = new Set(cards.map((card) => card.id));
    const kept = all(":scope > *", wall).filter((card) => !ids.has(card.id) && card.contains(document.activeElement));
    wall.replaceChildren(...kept, ...cards);
    empty.hidden = wall.children.length > 0;
    refreshAgo(wall);
    countNew();
    if (fresh) beep();
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
  state(name, since) {
    const place = byId("link-state");
    place.dataset.state = name === "denied" ? "offline" : name === "busy" ? "reconnecting" : name;
    place.textContent = say(`live.${name}`, { time: since ? clock(since) : "" });
    byId("live-busy").hidden = name !== "busy";
  },
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

// Sound: browsers allow it only after a press, so it is off until asked for; the choice is kept for this tab.
const sound = byId<HTMLButtonElement>("sound");
let audio: AudioContext | null = null;

function beep(): void {
  const output = audio;
  if (!output || sound.getAttribute("aria-pressed") !== "true") return;
  [880, 660].forEach((frequency, index) => {
    const at = output.currentTime + index * 0.2;
    const [tone, volume] = [output.createOscillator(), output.createGain()];
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(0.25, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.18);
    tone.connect(volume).connect(output.destination);
    tone.start(at);
    tone.stop(at + 0.2);
  });
}

sound.hidden = false;
sound.addEventListener("click", () => {
  const on = sound.getAttribute("aria-pressed") !== "true";
  sound.setAttribute("aria-pressed", String(on));
  one("span", sound).textContent = say(on ? "live.sound.on" : "live.sound.off");
  if (on) {
    audio ??= new AudioContext();
    void audio.resume().then(beep);
  }
});
refreshAgo();
countNew();

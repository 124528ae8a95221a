// On every page: registers the service worker, keeps what the wall says now for the page without a network, and forgets
// it when nobody, or somebody else, is signed in. Menus get what they need from here, too.

import { all, data } from "../dom";
import { setUp as setUpFolds } from "../folds";
import { forget, recall, remember } from "../wall-memory";

const account = document.documentElement.dataset.account ?? "";
const wall = document.getElementById("wall");
const EVERY_MS = 3_000;
const MOST = 40;

const words = (element: Element | null) => (element?.textContent ?? "").replace(/\s+/g, " ").trim();

function cards(shown: HTMLElement) {
  return all("article.card", shown)
    .slice(0, MOST)
    .map((card) => ({
      title: words(card.querySelector("h2")),
      lines: [
        all(".badge", card).map(words).join(" · "),
        words(card.querySelector(".meta b")),
        words(card.querySelector("time")),
      ].filter(Boolean),
    }));
}

/** Saves what the wall says, as long as it is known to be true: the time is that of the last moment with a connection. */
async function keep(shown: HTMLElement) {
  if (document.getElementById("link-state")?.dataset.state !== "connected") return;
  const name = words(document.querySelector(".who-name span"));
  await remember({ account, name, lang: document.documentElement.lang, at: new Date().toISOString(), cards: cards(shown) });
}

async function start() {
  const known = await recall();
  if (known && known.account !== account) await forget();
  const filters = new URLSearchParams(location.search);
  filters.delete("lang");
  if (wall && account && ![...filters.values()].some(Boolean)) {
    const shown = wall;
    setInterval(() => void keep(shown).catch(() => undefined), EVERY_MS); // out of room: the next time may do
  }
  await navigator.serviceWorker.register(data(document.documentElement, "worker"), { scope: "/", updateViaCache: "none" });
}

setUpFolds();
// Only with https, or on this machine: browsers offer neither without.
if ("serviceWorker" in navigator && "caches" in window) setTimeout(() => start().catch(() => undefined));

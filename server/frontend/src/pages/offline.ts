// The page without a network: shows what the wall said last, and when that was. It is never taken for the present.

import { byId } from "../dom";
import { say } from "../strings";
import { ago } from "../time";
import { recall } from "../wall-memory";

const root = byId("offline-wall");

function line(tag: string, text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

const wall = await recall().catch(() => null);
if (wall) {
  const at = new Date(wall.at);
  const time = at.toLocaleString(document.documentElement.lang, { hour12: false, dateStyle: "short", timeStyle: "short", timeZone: "Asia/Ho_Chi_Minh" });
  byId("offline-word").textContent = say("pwa.offline.at", { time, ago: ago(wall.at), name: wall.name });
  root.replaceChildren(
    ...wall.cards.map((card) => {
      const item = document.createElement("li");
      item.append(line("h2", card.title), ...card.lines.map((text) => line("p", text)));
      return item;
    }),
  );
}
byId("again").setAttribute("href", location.pathname === "/offline" ? "/" : location.href);

/** The network may be there before the server can be reached over it, and the server away while the network is there. */
async function again(): Promise<void> {
  const answer = await fetch("/healthz", { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (answer?.ok) location.reload();
}

addEventListener("online", again);
setInterval(again, 4_000);

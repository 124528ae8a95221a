// The live feed: the browser's own EventSource, which resumes by Last-Event-ID, and what it cannot know by itself:
// that the machine slept, that the network is gone, or that the session has ended.

import { byId } from "./dom";
import { say } from "./strings";
import { clock } from "./time";

const PROBE = "/live/cards?id=none"; // small, and answers 401 or 403 to those who may not watch
const RETRY_MS = 8_000;
const SLEEP_MS = 45_000;

export type LinkState = "connected" | "connecting" | "reconnecting" | "offline" | "denied" | "busy";

/** What the feed says of an incident; `id` is the incident's. */
export interface AlertMessage {
  id: string;
  change: string;
  severity: string;
  /** `alert`, or what kept it back. */
  alert: string;
}

export interface Follower {
  alert(message: AlertMessage): void;
  /** How the connection is, and since when it is not. */
  state(name: LinkState, since?: Date | null): void;
  /** Messages may have been missed: the page should ask for everything again. */
  resync(): void;
}

/** Say in the bar on top of the page how the connection is. */
export function showState(name: LinkState, since?: Date | null): void {
  const place = byId("link-state");
  place.dataset.state = name === "denied" ? "offline" : name === "busy" ? "reconnecting" : name;
  place.textContent = say(`live.${name}`, { time: since ? clock(since) : "" });
  byId("live-busy").hidden = name !== "busy";
}

/** Follow the live feed at `url`. */
export function follow(url: string, on: Follower): void {
  let source: EventSource | null = null;
  let since: Date | null = null;
  let everOpen = false;
  let lastTick = Date.now();
  let retry = 0;
  let isDenied = false;
  let reached = ""; // the last message's number: a new connection goes on after it, as the browser's own retries do
  let isBusy = false; // the server answers, but has no stream left for this page

  function lost(): void {
    since ??= new Date();
    if (isBusy && navigator.onLine) return; // said already, and still so
    on.state(!navigator.onLine ? "offline" : everOpen ? "reconnecting" : "connecting", since);
  }

  function deny(): void {
    source?.close();
    isDenied = true;
    on.state("denied");
  }

  function open(): void {
    if (isDenied) return;
    clearTimeout(retry);
    source?.close();
    const opened = new EventSource(reached ? `${url.split("?")[0]}?last_event_id=${encodeURIComponent(reached)}` : url);
    source = opened;
    opened.onopen = () => {
      const missed = since !== null;
      since = null;
      isBusy = false;
      on.state("connected");
      if (missed) on.resync();
      everOpen = true;
    };
    opened.onerror = async () => {
      lost();
      if (opened.readyState !== EventSource.CLOSED) return;
      // The server answered with something that is no stream: signed out, or too many streams for now.
      const answer = await fetch(PROBE, { redirect: "manual" }).catch(() => null);
      if (answer && (answer.status === 401 || answer.status === 403)) return deny();
      isBusy = Boolean(answer?.ok);
      if (isBusy) {
        on.state("busy", since);
        on.resync(); // until there is room again, the page asks for what is new each time it tries
      }
      retry = setTimeout(open, RETRY_MS);
    };
    opened.addEventListener("alert", (event: MessageEvent<string>) => {
      reached = event.lastEventId || reached;
      on.alert(JSON.parse(event.data) as AlertMessage);
    });
    opened.addEventListener("anew", (event: MessageEvent<string>) => { // the database was restored: what is shown may never have been
      reached = event.lastEventId;
      on.resync();
    });
    opened.addEventListener("end", deny); // the session ended, or the role was taken away
  }

  addEventListener("offline", lost);
  addEventListener("online", open);
  // A timer that comes much too late tells that the machine slept: the connection may be dead without an error.
  const tick = () => {
    const now = Date.now();
    if (now - lastTick > SLEEP_MS) {
      since ??= new Date(lastTick);
      open();
    }
    lastTick = now;
  };
  setInterval(tick, 5_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); }); // at once when it is taken out
  addEventListener("pageshow", (event) => { if (event.persisted) { since ??= new Date(); open(); } });
  on.state("connecting");
  open();
}

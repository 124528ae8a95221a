// Sound and vibration by severity, and a mute that ends by itself. Browsers allow sound only after a press, so it is off
// until somebody asks for it; that wish is kept for this browser, and the next press on a page gives the sound back.

import { all, byId, data, one } from "./dom";
import { announce, say } from "./strings";

const SOUND = "langan.sound";
const MUTE = "langan.mute";
const RANKS = ["low", "medium", "high", "critical"] as const;
type Severity = (typeof RANKS)[number];

/** Tones in hertz, one after the other, their loudness, and the vibration in milliseconds. */
const SIGNALS: Record<Severity, { tones: number[]; volume: number; vibration: number[] }> = {
  low: { tones: [660], volume: 0.12, vibration: [120] },
  medium: { tones: [660, 880], volume: 0.2, vibration: [200, 100, 200] },
  high: { tones: [880, 660, 880], volume: 0.28, vibration: [300, 100, 300, 100, 300] },
  critical: { tones: [988, 740, 988, 740, 988, 740], volume: 0.4, vibration: [500, 120, 500, 120, 500, 120, 500] },
};

const sheet = byId<HTMLDetailsElement>("alarm-sheet");
const state = byId("alarm-state");
const sound = byId<HTMLButtonElement>("sound");
let audio: AudioContext | null = null;
let timer = 0;

export function rank(severity: string | undefined): number {
  return RANKS.indexOf(severity as Severity);
}

function kept(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage is forbidden: the choice holds as long as the page
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // as above
  }
}

let wantsSound = kept(SOUND) === "on";
let mutedUntil = Date.parse(kept(MUTE)) || 0;

const isMuted = () => mutedUntil > Date.now();
const canSound = () => wantsSound && audio?.state === "running";

/** Tell of an incident, as loudly as it deserves; nothing while muted. */
export function alarm(severity: string | undefined): void {
  const signal = SIGNALS[RANKS[Math.max(0, rank(severity))] ?? "low"];
  if (isMuted()) return;
  navigator.vibrate?.(signal.vibration);
  const output = audio;
  if (!output || !canSound()) return;
  signal.tones.forEach((frequency, index) => {
    const at = output.currentTime + index * 0.2;
    const [tone, volume] = [output.createOscillator(), output.createGain()];
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0.0001, at);
    volume.gain.exponentialRampToValueAtTime(signal.volume, at + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.18);
    tone.connect(volume).connect(output.destination);
    tone.start(at);
    tone.stop(at + 0.2);
  });
}

/** "22:45", and the day when that is not today's. */
function hour(at: number): string {
  const options = { timeZone: "Asia/Ho_Chi_Minh", hour12: false } as const;
  const language = document.documentElement.lang;
  const time = new Date(at).toLocaleTimeString(language, { ...options, hour: "2-digit", minute: "2-digit" });
  const [today, day] = [Date.now(), at].map((moment) => new Date(moment).toLocaleDateString(language, { ...options, day: "numeric", month: "numeric" }));
  return today === day ? time : `${time}, ${day}`;
}

function show(): void {
  const muted = isMuted();
  const [look, text] = muted
    ? ["muted", say("mute.until", { time: hour(mutedUntil) })]
    : !wantsSound
      ? ["off", say("live.sound.off")]
      : canSound()
        ? ["on", say("live.sound.on")]
        : ["asleep", say("live.sound.asleep")];
  state.dataset.state = look;
  one("span", state).textContent = text;
  state.setAttribute("aria-label", text);
  one("use", state).setAttribute("href", `${one("use", state).getAttribute("href")?.split("#")[0]}#${look === "on" ? "bell" : "bell-off"}`);
  sound.setAttribute("aria-pressed", String(wantsSound));
  sound.textContent = say(wantsSound ? "live.sound.turn_off" : "live.sound.turn_on");
  byId("unmute").hidden = !muted;
  clearTimeout(timer);
  if (muted) timer = setTimeout(show, Math.min(mutedUntil - Date.now() + 50, 60_000));
}

async function wake(): Promise<void> {
  audio ??= new AudioContext();
  await audio.resume().catch(() => undefined);
  show();
}

function mute(until: number): void {
  mutedUntil = until;
  keep(MUTE, until ? new Date(until).toISOString() : "");
  show();
  announce(one("span", state).textContent ?? "");
}

/** The next end of a shift that the server named; an hour from now where it named none that is still to come. */
function shiftEnd(): number {
  const ends = data(sheet, "shiftEnds").split(" ").map((text) => Date.parse(text));
  return ends.find((end) => end > Date.now()) ?? Date.now() + 3_600_000;
}

/** Muted: tell again. Not muted: quiet for a quarter of an hour. */
export function toggleMute(): void {
  mute(isMuted() ? 0 : Date.now() + 15 * 60_000);
}

export function setUp(): void {
  sheet.hidden = false;
  show();
  sound.addEventListener("click", async () => {
    wantsSound = !wantsSound;
    keep(SOUND, wantsSound ? "on" : "off");
    if (wantsSound) {
      await wake();
      if (!isMuted()) alarm("medium");
    }
    show();
    announce(one("span", state).textContent ?? "");
  });
  for (const button of all<HTMLButtonElement>("[data-mute]", sheet)) {
    button.addEventListener("click", () => {
      const wanted = data(button, "mute");
      mute(wanted === "shift" ? shiftEnd() : Date.now() + Number(wanted) * 60_000);
      sheet.open = false;
      state.focus();
    });
  }
  byId("unmute").addEventListener("click", () => {
    mute(0);
    sheet.open = false;
    state.focus();
  });
  // Sound was wished for on an earlier page: the first press or key on this one lets the browser give it.
  const first = () => void (wantsSound && wake());
  for (const name of ["pointerdown", "keydown"]) addEventListener(name, first, { once: true });
  // Another page of this browser muted, or ended it.
  addEventListener("storage", () => {
    wantsSound = kept(SOUND) === "on";
    mutedUntil = Date.parse(kept(MUTE)) || 0;
    show();
  });
}

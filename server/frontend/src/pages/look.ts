// The live look: asks for the newest picture about twice a second, one at a time, so that a slow line sees fewer
// pictures and never old ones. The words beside it (who looks, what is left) are the server's, fetched again.

import { byId, data } from "../dom";
import { refreshPart } from "../refresh-part";
import { announce, say } from "../strings";
import { clock, refreshAgo } from "../time";

const EVERY_MS = 450;
const SILENT_MS = 6_000;
const frame = document.getElementById("look");

function word(state: string, text: string) {
  const shown = byId("look-word");
  shown.dataset.state = state;
  if (shown.textContent !== text) shown.textContent = text;
}

/** Shows a picture without a blob: address, which the content security policy refuses. */
async function show(picture: Blob): Promise<void> {
  const reader = new FileReader();
  const read = new Promise<string>((resolve, reject) => {
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
  });
  reader.readAsDataURL(picture);
  const image = byId<HTMLImageElement>("look-picture");
  image.src = await read;
  await image.decode().catch(() => undefined);
}

async function look(address: string): Promise<void> {
  let after = "0";
  let cameMs = performance.now();
  for (;;) {
    const beganMs = performance.now();
    try {
      const answer = await fetch(`${address}?after=${after}`, { cache: "no-store", redirect: "error" });
      if (answer.status === 200) {
        after = answer.headers.get("Langan-Look-At") ?? "0";
        await show(await answer.blob());
        cameMs = performance.now();
        word("live", clock());
      } else if (answer.status === 403 || answer.status === 401 || answer.status === 404) {
        break;
      } else if (performance.now() - cameMs > SILENT_MS) {
        word("waiting", say("look.slow"));
      }
    } catch {
      word("waiting", say("look.lost"));
    }
    const spentMs = performance.now() - beganMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(100, EVERY_MS - spentMs)));
    while (document.hidden) await visible();
  }
  announce(say("look.over.announce"));
  location.replace(location.href); // the page of who does not look: the newest still, and the form to begin again
}

function visible(): Promise<void> {
  return new Promise((resolve) => document.addEventListener("visibilitychange", () => resolve(), { once: true }));
}

/** Counts down between two looks at the server's own word. */
function countDown() {
  const left = document.querySelector<HTMLElement>("[data-left]");
  if (!left) return;
  const seconds = Math.max(0, Number(data(left, "left")) - 1);
  left.dataset.left = String(seconds);
  left.textContent = say("look.left", { seconds: String(seconds) });
}

if (frame) {
  void look(data(frame, "frames"));
  setInterval(countDown, 1_000);
}
setInterval(() => {
  if (!document.hidden) refreshPart(["look-state"]).catch(() => undefined); // the next one will come through
}, frame ? 5_000 : 15_000);
refreshAgo();

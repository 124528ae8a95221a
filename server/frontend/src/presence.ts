// "Anh Nam đang xem": says that this page is looked at, and shows who else looks.

import { one } from "./dom";
import { say } from "./strings";

const EVERY_MS = 5_000;

export function follow(url: string): void {
  let shown: string | null = null;

  function form(): FormData {
    const fields = new FormData();
    fields.set("csrf_token", one<HTMLInputElement>("input[name=csrf_token]").value);
    return fields;
  }

  async function tell(): Promise<void> {
    if (document.hidden) return;
    const answer = await fetch(url, { method: "POST", body: form(), redirect: "error" }).catch(() => null);
    if (!answer?.ok) return;
    const { others } = (await answer.json()) as { others: string[] };
    const text = others.length ? say("presence.others", { names: others.join(", ") }) : "";
    const place = document.getElementById("viewers");
    if (!place || (text === shown && place.textContent?.trim() === text)) return;
    shown = text;
    place.textContent = text;
    place.hidden = !text;
  }

  void tell();
  setInterval(() => void tell(), EVERY_MS);
  document.addEventListener("visibilitychange", () => void tell());
  addEventListener("pagehide", () => {
    const fields = form();
    fields.set("leaving", "1");
    navigator.sendBeacon(url, fields);
  });
}

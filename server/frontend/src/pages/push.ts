// Notices on this device: subscribes the browser with the site's key, and tells the server. A subscription with another
// key, of before a rotation, is given up and made anew.

import { byId, data } from "../dom";
import { say } from "../strings";

const root = byId("push");
const [on, off, word] = [byId("push-on"), byId("push-off"), byId("push-word")];
const address = data(root, "address");

function show(id: string, isOn: boolean | null) {
  word.textContent = say(id);
  on.hidden = isOn !== false;
  off.hidden = isOn !== true;
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function encoded(buffer: ArrayBuffer | null): string {
  const text = String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0)));
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function siteKey(): Promise<string> {
  const answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Error(`push: ${answer.status}`);
  return ((await answer.json()) as { key: string }).key;
}

async function tell(subscription: PushSubscription): Promise<void> {
  const body = new URLSearchParams({
    csrf_token: data(root, "csrf"),
    endpoint: subscription.endpoint,
    p256dh: encoded(subscription.getKey("p256dh")),
    auth: encoded(subscription.getKey("auth")),
  });
  const answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "error" });
  if (!answer.ok) throw new Error(`push: ${answer.status}`);
}

async function turnOn(registration: ServiceWorkerRegistration): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") {
    show("push.denied", false);
    return;
  }
  const key = await siteKey();
  const before = await registration.pushManager.getSubscription();
  if (before && encoded(before.options.applicationServerKey) !== key) await before.unsubscribe();
  await tell(await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) }));
  location.reload(); // the list beside it names the new device
}

async function turnOff(registration: ServiceWorkerRegistration): Promise<void> {
  // Its push service tells the server with the next notice: 410, and the device leaves the list.
  await (await registration.pushManager.getSubscription())?.unsubscribe();
  show("push.is_off", false);
}

async function start(): Promise<void> {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    show("push.unavailable", null);
    return;
  }
  const registration = await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.getSubscription();
  if (Notification.permission === "denied") show("push.denied", null);
  else show(subscription ? "push.is_on" : "push.is_off", subscription !== null);
  const press = (act: typeof turnOn) => () => act(registration).catch(() => show("push.failed", false));
  on.addEventListener("click", press(turnOn));
  off.addEventListener("click", press(turnOff));
}

start().catch(() => show("push.unavailable", null));

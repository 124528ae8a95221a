// The service worker. It keeps the shell of one page, the one that is shown without a network, and nothing else: pages
// always come from the server, and no picture, clip or list of anybody's session is ever in a cache of its.

/// <reference lib="webworker" />

export {};

interface About {
  version: string;
  shell: string[];
  offline: Record<string, string>;
  site: string;
}

interface Told {
  title: string;
  body: string;
  tag: string;
  url: string;
  lang: string;
  urgent: boolean;
}

declare const self: ServiceWorkerGlobalScope & { LANGAN: About };
const { version, shell, offline, site } = self.LANGAN;
const SHELL = `langan-shell-${version}`;
const WALL = "langan-wall"; // of src/wall-memory.ts
const LOGOUT = "/logout";

self.addEventListener("install", (event) => {
  // Without cookies: what is kept is the same for everybody.
  const wanted = [...shell, ...Object.values(offline)].map((url) => new Request(url, { credentials: "omit", cache: "reload" }));
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(wanted)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  // A newer shell may take over at once: open pages are the server's own and use nothing of the older one.
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("langan-shell-") && name !== SHELL).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  if (request.method === "POST" && url.pathname === LOGOUT) {
    event.respondWith(leave().then(() => fetch(request)));
  } else if (request.method === "GET" && request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => withoutNetwork(request)));
  } else if (request.method === "GET" && shell.includes(url.pathname + url.search)) {
    event.respondWith(caches.match(request.url, { cacheName: SHELL }).then((kept) => kept ?? fetch(request)));
  }
});

/** Somebody signs out: what is kept of theirs goes, and this device is told nothing more. */
async function leave(): Promise<void> {
  await caches.delete(WALL);
  const subscription = await self.registration.pushManager?.getSubscription().catch(() => null);
  await subscription?.unsubscribe().catch(() => false); // the server learns it from the push service
}

async function withoutNetwork(request: Request): Promise<Response> {
  const asked = new URL(request.url).searchParams.get("lang");
  const wall = await caches.match("/offline/wall.json", { cacheName: WALL });
  const language = asked ?? (wall ? ((await wall.json()) as { lang: string }).lang : site);
  const page = await caches.match(offline[language] ?? offline[site] ?? "", { cacheName: SHELL });
  return page ?? Response.error();
}

self.addEventListener("push", (event) => {
  const told = event.data?.json() as Told | undefined;
  if (!told) return;
  event.waitUntil(
    self.registration.showNotification(told.title, {
      body: told.body,
      tag: told.tag, // told again, it replaces the notice that was there
      lang: told.lang,
      data: { url: told.url },
      icon: shell.find((url) => url.includes("icon-192")),
      badge: shell.find((url) => url.includes("icon-badge")),
      requireInteraction: told.urgent,
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { url } = event.notification.data as { url: string };
  event.waitUntil(open(url));
});

/** Shows an address of this site: in a window that is open, else in a new one. */
async function open(path: string): Promise<void> {
  const target = new URL(path, self.location.origin);
  if (target.origin !== self.location.origin) return;
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((item) => item.url === target.href) ?? windows[0];
  if (!there) {
    await self.clients.openWindow(target.href);
    return;
  }
  await there.focus();
  if (there.url !== target.href) await there.navigate(target.href).catch(() => self.clients.openWindow(target.href));
}

// What the wall showed last, for the page without a network: words only, no picture and no button. It belongs to one
// account, and is forgotten when that one signs out or another one signs in.

export const CACHE = "langan-wall";
export const PLACE = "/offline/wall.json";

export interface Remembered {
  account: string;
  name: string;
  lang: string;
  at: string;
  cards: { title: string; lines: string[] }[];
}

export async function remember(wall: Remembered): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.put(PLACE, new Response(JSON.stringify(wall), { headers: { "Content-Type": "application/json" } }));
}

export async function recall(): Promise<Remembered | null> {
  const found = await caches.match(PLACE, { cacheName: CACHE });
  return found ? ((await found.json()) as Remembered) : null;
}

export async function forget(): Promise<void> {
  await caches.delete(CACHE);
}

// Keeps one part of a page fresh by fetching the page again; the part is named by data-refresh on the script's element.

import { refreshAgo } from "./time.js";

const id = document.querySelector("script[data-refresh]").dataset.refresh;
const EVERY_MS = 10_000;

export async function refreshPart(ids) {
  const response = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const name of ids) {
    const [old, fresh] = [document.getElementById(name), page.getElementById(name)];
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
  }
  refreshAgo();
}

setInterval(() => { if (!document.hidden) refreshPart([id]).catch(() => {}); }, EVERY_MS);

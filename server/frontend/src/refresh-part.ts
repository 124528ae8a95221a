// Fetches the page again and swaps the named parts, unless somebody is at work in one of them.

import { all } from "./dom";
import { refreshAgo } from "./time";

function isBusy(part: HTMLElement) {
  if (part.contains(document.activeElement) || part.querySelector("details[open]")) return true;
  return all<HTMLTextAreaElement>("textarea", part).some((text) => text.value !== "");
}

export async function refreshPart(ids: readonly string[]): Promise<Document> {
  const response = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
  if (!response.ok) throw new Error(`refresh: ${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ids) {
    const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
    if (!old || !fresh || old.isEqualNode(fresh)) continue;
    if (!isBusy(old)) old.replaceWith(fresh);
    // A decision is always made on the version that is shown: never swap it in under a form that is being filled in.
  }
  refreshAgo();
  return page;
}

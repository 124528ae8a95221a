// The incident page stays live: the parts that can change are fetched again; a clip that plays and a note that is
// being written are left alone.

import { refreshPart } from "./refresh-part.js";
import { follow } from "./stream.js";
import { announce, say } from "./strings.js";
import { refreshAgo } from "./time.js";

const root = document.getElementById("incident");
const PARTS = ["live-head", "live-snapshot", "live-facts", "live-actions", "live-timeline", "live-notices", "live-times", "live-quiet", "live-grouping"];
let timer = 0;

async function update() {
  timer = 0;
  try {
    const copies = [...document.querySelectorAll("[data-copy]")].map((part) => part.id);
    const page = await refreshPart([...PARTS, "clips-absent", ...copies]);
    if (page) addClips(page);
    announce(say("incident.updated"));
  } catch {
    timer = setTimeout(update, 4_000);
  }
}

function addClips(page) {
  const list = document.getElementById("clip-list");
  const known = new Set([...list.querySelectorAll("[data-clip]")].map((clip) => clip.dataset.clip));
  const fresh = [...page.querySelectorAll("[data-clip]")].filter((clip) => !known.has(clip.dataset.clip));
  if (fresh.length) {
    document.getElementById("clips-absent")?.remove();
    list.append(...fresh);
  }
}

follow(root.dataset.stream, {
  alert(data) {
    if (data.id === root.dataset.incident) timer ||= setTimeout(update, 150);
  },
  resync: update,
  state() {},
});
refreshAgo();

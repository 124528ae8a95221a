// The incident page stays live: the parts that can change are fetched again; a clip that plays and a note that is
// being written are left alone.

import { all, byId, data } from "../dom";
import { follow as followViewers } from "../presence";
import { refreshPart } from "../refresh-part";
import { follow } from "../stream";
import { announce, say } from "../strings";
import { refreshAgo } from "../time";

const root = byId("incident");
const PARTS = ["live-head", "live-snapshot", "live-facts", "live-actions", "live-assignee", "live-similar", "live-timeline", "live-notices", "live-times", "live-public", "live-quiet", "live-grouping"];
let timer = 0;

async function update() {
  timer = 0;
  try {
    const copies = all("[data-copy]").map((part) => part.id);
    const page = await refreshPart([...PARTS, "clips-absent", ...copies]);
    if (page) addClips(page);
    announce(say("incident.updated"));
  } catch {
    timer = setTimeout(update, 4_000);
  }
}

function addClips(page: Document) {
  const list = byId("clip-list");
  const known = new Set(all("[data-clip]", list).map((clip) => clip.dataset.clip));
  const fresh = all("[data-clip]", page).filter((clip) => !known.has(clip.dataset.clip));
  if (fresh.length) {
    document.getElementById("clips-absent")?.remove();
    list.append(...fresh);
  }
}

follow(data(root, "stream"), {
  alert(message) {
    if (message.id === root.dataset.incident) timer ||= setTimeout(update, 150);
  },
  resync: update,
  state() {},
});
followViewers(data(root, "seen"));
const print = byId("print");
print.hidden = false;
print.addEventListener("click", () => window.print());
refreshAgo();

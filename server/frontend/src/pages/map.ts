// The wall's second view: counts by place, kept up to date; alarms sound here as on the wall.

import { alarm, setUp } from "../alarm";
import { byId, data } from "../dom";
import { refreshPart } from "../refresh-part";
import { follow, showState } from "../stream";
import { announce, say } from "../strings";
import { refreshAgo } from "../time";

const BATCH_MS = 400;
const root = byId("map");
const tiles = document.getElementById("tiles");
let timer = 0;

async function update(): Promise<void> {
  try {
    const page = await refreshPart(["plan-part", "map-list"]);
    const fresh = page.getElementById("on-tiles")?.textContent;
    if (fresh) dispatchEvent(new CustomEvent("langan:places", { detail: fresh }));
    timer = 0;
  } catch {
    timer = setTimeout(() => void update(), 4_000);
  }
}

follow(data(root, "stream"), {
  alert(message) {
    if (message.alert === "alert" && (message.change === "opened" || message.change === "escalated")) {
      alarm(message.severity);
      announce(say("map.updated"));
    }
    timer ||= setTimeout(() => void update(), BATCH_MS);
  },
  resync: () => void update(),
  state: showState,
});
setUp();
refreshAgo();
// Only a site that has a map pays for it.
if (tiles) {
  import("../tiles").then((map) => map.show(tiles, byId("on-tiles").textContent ?? "[]")).catch(() => announce(say("map.failed")));
}

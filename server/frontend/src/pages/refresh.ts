// Keeps one part of a page fresh; the part is named by data-refresh on the script's element.

import { data, one } from "../dom";
import { refreshPart } from "../refresh-part";

const id = data(one("script[data-refresh]"), "refresh");
const EVERY_MS = 10_000;

setInterval(() => { if (!document.hidden) refreshPart([id]).catch(() => {}); }, EVERY_MS);

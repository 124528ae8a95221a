// Keeps one part of a page fresh; the part is named by data-refresh on the script's element.

import { refreshPart } from "./refresh-part.js";

const id = document.querySelector("script[data-refresh]").dataset.refresh;
const EVERY_MS = 10_000;

setInterval(() => { if (!document.hidden) refreshPart([id]).catch(() => {}); }, EVERY_MS);

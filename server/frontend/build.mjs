// Builds the scripts of the pages: src/pages/NAME.ts becomes ../static/js/NAME.js, one file with all it needs: on a slow
// line each chunk costs more in headers and waiting than the few hundred bytes that pages share. Only what a page loads
// later by `import()` (the optional map) is split off.
// `node build.mjs --watch` builds again at every change.
import { build, context } from "esbuild";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const OUT = "../static/js";
const PAGES = "src/pages";
const pages = readdirSync(PAGES).filter((name) => name.endsWith(".ts"));
const loadsLater = (name) => readFileSync(join(PAGES, name), "utf8").includes("import(");
const entries = (names) => names.map((name) => ({ in: join(PAGES, name), out: name.slice(0, -3) }));
const options = {
  entryPoints: [
    ...entries(pages.filter(loadsLater)), // their chunks carry their hash in their name
    // The optional map (src/tiles.ts): its worker has to be a file of ours, and its style sheet one of its own.
    { in: "maplibre-gl/dist/maplibre-gl-worker.mjs", out: "map-worker" },
    { in: "maplibre-gl/dist/maplibre-gl.css", out: "maplibre" },
  ],
  outdir: OUT,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome96", "firefox100", "safari15"], // phones that are five years old
  minify: true,
  legalComments: "linked",
  chunkNames: "shared-[hash]",
  metafile: true,
  logLevel: "warning",
};
const whole = { ...options, entryPoints: entries(pages.filter((name) => !loadsLater(name))), splitting: false };

const worker = {
  entryPoints: ["src/worker/sw.ts"],
  outfile: join(OUT, "sw.js"), // the service worker, served at /sw.js
  bundle: true,
  format: "iife",
  target: options.target,
  minify: true,
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  for (const each of [whole, options, worker]) await (await context(each)).watch();
} else {
  const made = [await build(whole), await build(options), await build({ ...worker, metafile: true })];
  const kept = new Set(made.flatMap(({ metafile }) => Object.keys(metafile.outputs).map((path) => basename(path))));
  // Old chunks go after the new ones have come: pages that are open at that moment still find theirs.
  for (const name of readdirSync(OUT)) if (!kept.has(name)) rmSync(join(OUT, name));
}

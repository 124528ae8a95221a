// Builds the scripts of the pages: src/pages/NAME.ts becomes ../static/js/NAME.js; what several share stands in chunks.
// `node build.mjs --watch` builds again at every change.
import { build, context } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const OUT = "../static/js";
const PAGES = "src/pages";
const WORKER = "sw.js"; // the service worker: one file by itself, served at /sw.js
const sweep = {
  name: "sweep",
  setup(build) {
    // Old chunks go after the new ones have come: pages that are open at that moment still find theirs.
    build.onEnd(({ errors, metafile }) => {
      if (errors.length) return;
      const made = new Set(Object.keys(metafile.outputs).map((path) => basename(path)));
      for (const name of readdirSync(OUT)) if (!made.has(name) && name !== WORKER) rmSync(join(OUT, name));
    });
  },
};
const options = {
  entryPoints: [
    ...readdirSync(PAGES).filter((name) => name.endsWith(".ts")).map((name) => ({ in: join(PAGES, name), out: name.slice(0, -3) })),
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
  plugins: [sweep],
};

const worker = {
  entryPoints: ["src/worker/sw.ts"],
  outfile: join(OUT, WORKER),
  bundle: true,
  format: "iife",
  target: options.target,
  minify: true,
  logLevel: "warning",
};

if (process.argv.includes("--watch")) {
  await (await context(options)).watch();
  await (await context(worker)).watch();
} else {
  await build(options);
  await build(worker);
}

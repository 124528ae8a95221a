#!/bin/sh
# Build the scripts of the server's pages: server/frontend/src -> server/static/js. Does nothing when that has been done
# for the same files. Uses the machine's Node (20 or newer, with npm), or else the one in a Python wheel, put into .venv.
set -eu
cd "$(dirname "$0")/.."
pages=server/frontend
modules=$pages/node_modules

sources() { find "$pages/src" -type f | LC_ALL=C sort; }
wanted=$( (cat "$pages/package-lock.json" "$pages/build.mjs"; sources; sources | xargs cat) | cksum)
[ -f server/static/js/live.js ] && [ -f "$modules/.langan-built" ] && [ "$(cat "$modules/.langan-built")" = "$wanted" ] && exit 0

. tools/find_node.sh
lock=$(cksum <"$pages/package-lock.json")
if [ ! -f "$modules/.langan-lock" ] || [ "$(cat "$modules/.langan-lock")" != "$lock" ]; then
    echo "setup: fetching what the pages' scripts are built from into $modules"
    # esbuild's install script only checks what npm has put there: no package may run code here.
    (cd "$pages" && npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error)
    printf '%s' "$lock" >"$modules/.langan-lock"
fi
echo "setup: building the pages' scripts with Node $(node --version)"
(cd "$pages" && node build.mjs)
printf '%s' "$wanted" >"$modules/.langan-built"

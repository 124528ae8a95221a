#!/bin/sh
# Make .venv-ultralytics: the project with the AGPL extra `ultralytics`, for the tests of that adapter only.
# About 6 GB and two minutes: PyPI's torchvision for Linux is built for CUDA and does not load beside a torch without it,
# and ultralytics imports torchvision. Does nothing when that has been done for the same files.
set -eu
cd "$(dirname "$0")/.."
venv=.venv-ultralytics
stamp=$venv/.langan-stamp
wanted=$(cat pyproject.toml constraints.txt tools/setup_ultralytics_env.sh | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

[ -x "$venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$venv"
pip="$venv/bin/python -m pip --quiet --disable-pip-version-check"
# torch and torchvision belong together: a pair that this adapter's tests passed with.
$pip install -c constraints.txt -e '.[edge,server,dev,ultralytics]' ultralytics==8.4.190 torch==2.15.0 torchvision==0.29.2
# NVIDIA's client, for weights on a Triton server. It asks for an ml-dtypes older than onnx's, which its HTTP part never uses.
$pip install 'geventhttpclient>=2.3.3' 'python-rapidjson>=0.9.1' 'greenlet<3.4' 'urllib3>=2.0.7'
$pip install --no-deps tritonclient==2.73.0

# opencv-python's windows need libGL, which a server often lacks: the same library without windows.
if ! "$venv/bin/python" -c 'import cv2' >/dev/null 2>&1; then
    version=$("$venv/bin/python" -c 'from importlib.metadata import version; print(version("opencv-python"))')
    $pip uninstall --yes opencv-python
    $pip install "opencv-python-headless==$version"
fi
"$venv/bin/python" -c 'import cv2, torchvision; from torchvision.ops import nms'
printf '%s' "$wanted" >"$stamp"

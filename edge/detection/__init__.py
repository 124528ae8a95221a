"""Finds people and vehicles in pictures: the embedded model, a user's own, and the worker that serves all cameras."""

import sys

# `import openvino` reports itself to its maker's statistics, and so does nncf. Whoever imports them does so from here,
# after this line: without the package that sends, nothing is sent from a village's box.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

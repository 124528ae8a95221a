"""Write constraints.txt from the packages of the running environment: what was tested is what is installed."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

HEADER = """\
# The versions that the tests passed with. `make constraints` renews this file from .venv.
"""
OWN = {"langan", "pip", "setuptools", "wheel"}


def main() -> None:
    """Write every installed distribution as `name==version`."""
    pins = {item.metadata["Name"].lower().replace("_", "-"): item.version for item in distributions()}
    lines = [f"{name}=={version}\n" for name, version in sorted(pins.items()) if name not in OWN]
    (Path(__file__).parent.parent / "constraints.txt").write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

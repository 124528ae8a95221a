"""A real edge process for tests: `langan-edge run` on a configuration folder, which can be killed and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).parent / "langan-edge"
DEMO_MEDIA = ROOT / "configs" / "demo" / "media"
STOP_S = 40.0
_RECORDED = re.compile(r" event camera=(?P<camera>\S+) .* event_id=(?P<event_id>\S+) revision=(?P<revision>\d+)")


class RunningEdge:
    """Starts and stops one edge; its log and data folder live on from start to start.

    Args:
        folder: For the data folder and the log.
        config: Folder with site.yaml and cameras/.
        server_url: Replaces the address in site.yaml.
        code: With which it enrols before its first start.
        media: Where files that play as cameras lie.
        secrets: `LANGAN_*` variables that inputs name.
    """

    def __init__(
        self,
        folder: Path,
        *,
        config: Path,
        server_url: str,
        code: str,
        media: Path = DEMO_MEDIA,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._log_path = folder / "edge.log"
        self._command = [COMMAND, "run", "--config", config, "--data", folder / "edge", "--media", media]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")},
            **(secrets or {}),
            "LANGAN_SERVER_URL": server_url,
        }
        enrol: list[str | Path] = [COMMAND, "enrol", server_url, "-", "--data", folder / "edge"]
        subprocess.run(enrol, input=code.encode(), env=self._environment, cwd=ROOT, check=True, capture_output=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process."""
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in self._command],
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def stop(self) -> int | None:
        """Ask it to stop and wait; gives its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """What a power cut does to it."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int | None:
        if self._process is None:
            return None
        self._process.send_signal(how)
        try:
            status = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the edge did not stop within {STOP_S:.0f} s:\n{self.log()[-3000:]}") from None
        self._process = None
        return status

    def log(self) -> str:
        """What the edge has written so far, over all its starts."""
        return self._log_path.read_text(encoding="utf-8", errors="replace") if self._log_path.exists() else ""

    def recorded(self) -> list[tuple[str, int]]:
        """`(event_id, revision)` of everything that the edge says it has stored, in order."""
        return [(match["event_id"], int(match["revision"])) for match in _RECORDED.finditer(self.log())]

    def wait_for_log(self, pattern: str, timeout_s: float = 150.0, *, after: int = 0) -> int:
        """Wait until a line matches; gives where in the log the match ends.

        Raises:
            AssertionError: It did not come; the message holds the log's end.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = re.compile(pattern).search(self.log(), after)
            if found:
                return found.end()
            assert self._process is None or self._process.poll() is None, f"the edge ended:\n{self.log()[-3000:]}"
            time.sleep(0.2)
        raise AssertionError(f"no line matched {pattern!r} within {timeout_s:.0f} s:\n{self.log()[-3000:]}")

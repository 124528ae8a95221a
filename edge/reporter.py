"""Every 15 s: how the edge is, and whether an admin has changed a camera's configuration."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import edge
from contract.config_loader import LoadedCamera
from contract.device_api import RunningConfigs
from contract.event import CameraHealth, CameraStatus, CopyWish, Heartbeat
from edge.backoff import Backoff
from edge.config_store import ConfigStore
from edge.outbox.link import DeviceRefused, NotSigned, Rejected, ServerLink, TooLarge
from edge.outbox.sender import SenderThread
from edge.outbox.store import SqliteOutbox
from edge.ports import Clock
from edge.repeats import Repeats
from edge.what_if_jobs import tell_running

log = logging.getLogger(__name__)

RUNNING_EVERY_S = 3600.0
EVERY_S = 15.0
STARTING_EVERY_S = 3.0
"""Whoever has just started the edge waits to see its cameras."""


class Reporter(SenderThread):
    """Sends heartbeats and camera files, and fetches newer ones.

    Args:
        link: The server.
        clock: Names the moment of a heartbeat.
        store: Its backlog is told.
        configs: What is in force, and what the server has.
        statuses: How every camera is.
        on_configs: Called with the server's YAML by camera id, when it changed since the last call.
        on_wishes: Called with the clips of which somebody wants playable copies.
        on_what_ifs: Called with the changed configurations that somebody wants tried.
        running: Which configuration every camera runs.
        backoff: Between failed attempts.
    """

    name = "reporter"

    def __init__(
        self,
        link: ServerLink,
        clock: Clock,
        *,
        store: SqliteOutbox,
        configs: ConfigStore,
        statuses: Callable[[], tuple[CameraStatus, ...]],
        on_configs: Callable[[Mapping[str, str]], None],
        on_wishes: Callable[[Sequence[CopyWish]], None] = lambda _wishes: None,
        on_what_ifs: Callable[[Sequence[UUID]], None] = lambda _wishes: None,
        running: Callable[[], RunningConfigs] = lambda: RunningConfigs(cameras=()),
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(link, clock, backoff)
        self._store = store
        self._configs = configs
        self._statuses = statuses
        self._on_configs = on_configs
        self._on_wishes = on_wishes
        self._on_what_ifs = on_what_ifs
        self._running = running
        self._running_told: RunningConfigs | None = None
        self._running_told_s = 0.0
        self._version = ""
        self._repeats = Repeats(clock)
        self._rejected: set[str] = set()
        """Versions that the server does not take: told once, not every 15 s."""

    def is_empty(self) -> bool:
        """A report can always be left out."""
        return True

    def step(self) -> float:
        """Report once.

        Raises:
            EdgeError: The server was not reached, or did not take it.
        """
        for camera in self._configs.to_send():
            if camera.version not in self._rejected:
                self._send(camera)
        events, media = self._store.counts()
        cameras = self._statuses()
        answer = self._link.heartbeat(
            Heartbeat(
                sent_at=self._clock.utc(),
                software_version=edge.__version__,
                outbox_events=events,
                outbox_media=media,
                cameras=cameras,
            )
        )
        self._on_wishes(answer.copies)
        self._on_what_ifs(answer.what_ifs)
        self._pull()
        self._tell_running()
        is_starting = any(camera.health is CameraHealth.STARTING for camera in cameras)
        return STARTING_EVERY_S if is_starting else EVERY_S

    def _pull(self) -> None:
        """Put what the server has in force; what it has not signed is left, and the last good one stays."""
        try:
            pulled = self._link.camera_configs(self._version)
        except NotSigned as error:
            unsaid = self._repeats.unsaid(str(error))
            if unsaid is not None:
                log.error("config_not_signed in_force=last_good cause=%r unsaid=%d", str(error), unsaid)  # noqa: TRY400 - it says all
            return
        if pulled is not None:
            self._on_configs({camera.camera_id: camera.yaml for camera in pulled.cameras})
            self._version = pulled.version

    def _tell_running(self) -> None:
        """Tell which versions run: when that changes, and again each hour to a server that was restored."""
        running, now_s = self._running(), self._clock.monotonic_s()
        if running == self._running_told and now_s - self._running_told_s < RUNNING_EVERY_S:
            return
        try:
            tell_running(self._link, running)
        except Rejected as error:  # an older server does not know the question
            log.debug("running_not_taken cause=%r", str(error))
        self._running_told, self._running_told_s = running, now_s

    def _send(self, camera: LoadedCamera) -> None:
        camera_id = camera.config.camera.id
        try:
            is_in_force = self._link.put_camera_config(camera_id, camera.text)
        except (Rejected, TooLarge) as error:
            self._rejected.add(camera.version)
            log.error("config_rejected camera=%s cause=%r", camera_id, str(error))  # noqa: TRY400 - it says all
        except DeviceRefused as error:  # perhaps this one camera is not ours: the heartbeat will tell
            unsaid = self._repeats.unsaid(f"{camera_id} {error}")
            if unsaid is not None:
                log.error("config_refused camera=%s cause=%r unsaid=%d", camera_id, str(error), unsaid)  # noqa: TRY400 - it says all
        else:
            self._configs.was_sent(camera)
            self._version = ""
            if not is_in_force:
                log.warning(
                    "config_superseded camera=%s file=%s remedy='an admin wrote a newer one: edit that'",
                    camera_id, camera.path,
                )  # fmt: skip

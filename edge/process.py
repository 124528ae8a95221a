"""`langan-edge run`: the whole edge of one site, from start to a clean stop."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType

from contract.config_loader import LoadedCamera, LoadedConfig
from contract.device_api import RunningConfig, RunningConfigs
from contract.event import CameraHealth, CameraStatus
from contract.ids import uuid7
from contract.site_config import SiteConfig
from edge.clock import SystemClock
from edge.config_mistakes import mistakes_by_camera
from edge.config_store import ConfigStore
from edge.copies import CopyMaker
from edge.errors import ConfigurationError
from edge.evidence.store import EvidenceFolder
from edge.health.offline import OfflineWatch
from edge.identity import DeviceIdentity
from edge.inference.host import InferenceHost
from edge.look.messages import Shown
from edge.look.relay import LookListener, LookSender
from edge.monitoring.box import read_box
from edge.monitoring.health import LOW_DISK_BYTES
from edge.monitoring.http import Address
from edge.monitoring.systemd import SystemdNotifier
from edge.monitoring.watch import DEFAULT_ADDRESS, Watch
from edge.outbox import EventSender, MediaSender, PatientOutbox, ServerLink, SqliteOutbox
from edge.outbox.refused import FILE_NAME
from edge.outbox.sender import SenderThread
from edge.recorder import end_orphans
from edge.repeats import Repeats
from edge.reporter import Reporter
from edge.settings import EdgeSettings
from edge.status import CameraSnapshot, EdgeSnapshot, add_notices
from edge.what_if_jobs import WhatIfRunner
from edge.workers.pool import WorkerPool

log = logging.getLogger(__name__)

STOP_CAMERAS_S = 20.0
"""Longer than a camera needs to end its events and write its clips."""
STOP_INFERENCE_S = 5.0
RETRY_WAITING_S = 10.0
"""Between attempts to store what waits in memory."""
DRAIN_EVENTS_S = 5.0
DRAIN_MEDIA_S = 3.0


class EdgeProcess:
    """Everything that runs while the edge watches.

    Args:
        settings: How the process was started.
        evidence_budget_bytes: Evidence, outbox and all else in the data folder together stay below this.
        workers: How many processes share the cameras; None: one for each core.
        http: Where `/healthz` and `/metrics` are served; None: nowhere.

    Raises:
        EdgeError: The configuration has no valid camera, or a folder cannot be used.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        evidence_budget_bytes: int,
        workers: int | None = None,
        http: Address | None = None,
    ) -> None:
        self._settings = settings
        self._budget_bytes = evidence_budget_bytes
        self._clock = SystemClock()
        self._began_s = self._clock.monotonic_s()
        self._repeats = Repeats(self._clock)
        self._retry_at_s = self._began_s
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._reload = threading.Event()
        self._identity = DeviceIdentity.read(settings.data_dir)
        self._configs = ConfigStore(settings.config_dir, settings.data_dir)
        self._config = self._configs.load()
        has_server = self._identity is not None
        if self._config.site is None or not (self._config.cameras or has_server):
            raise ConfigurationError(self._config.errors)
        for error in self._config.errors:
            log.error("config_error %s", error)
        self._site: SiteConfig = self._config.site
        if not self._config.cameras:
            log.error(
                "no_camera config=%s remedy='correct a camera file and send SIGHUP, or write one at the server'",
                settings.config_dir,
            )
        self._store = SqliteOutbox(settings.data_dir / FILE_NAME, self._clock)
        self._folder = EvidenceFolder(settings.data_dir / "evidence", evidence_budget_bytes, settings.data_dir)
        self._senders: list[SenderThread] = []
        self._look: LookSender | None = None
        self._outbox = PatientOutbox(self._store, self._folder.free, self._wake_senders)
        self._inference = InferenceHost(settings.config_dir, settings.secret_values)
        self._pool = WorkerPool(
            settings, self._outbox, self._folder, self._inference.inference, workers=workers, on_shown=self._on_shown
        )
        self._offline = OfflineWatch(self._outbox, self._clock, lambda at, _content: uuid7(at))
        self._link = self._connect()
        self._watch = Watch(
            self.snapshot,
            lambda: read_box(settings.data_dir, self._store, self._folder),
            self._clock,
            SystemdNotifier(os.environ),
            http,
            must_listen=http != DEFAULT_ADDRESS,
        )

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT; SIGHUP reads the configuration folder again. Main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        end_orphans(self._offline.adopt(self._store.open_events(), self._config.cameras), self._outbox)
        try:
            self._inference.start()
            self._pool.apply(self._site, self._config.cameras)
            for sender in self._senders:
                sender.start()
            self._watch.begin()
            while not self._stop.wait(0.5):
                self._watch.turn()
                self._offline.look(self._site, self._config.cameras, self._pool.statuses)
                self._store_waiting()
                if self._reload.is_set():
                    self._reload.clear()
                    self._watch.reloading()
                    self._read_again()
                    self._watch.reloaded()
        finally:
            self._shut_down()

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        log.info("stopping signal=%s", signal.Signals(number).name)
        self._stop.set()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload.set()

    def _server_url(self, site: SiteConfig) -> str | None:
        enrolled_at = self._identity.server_url if self._identity is not None else None
        return self._settings.server_url or (site.server.url if site.server else enrolled_at)

    def _connect(self) -> ServerLink | None:
        url = self._server_url(self._site)
        if self._identity is None or url is None:
            remedy = f"langan-edge enrol URL CODE --data {self._settings.data_dir}"
            log.warning("not_enrolled remedy=%r: events stay in the outbox until then", remedy)
            return None
        link = ServerLink(url, self._identity, now=self._clock.utc)
        media = MediaSender(self._store, link, self._clock, forget=lambda item: self._folder.mark_uploaded(item.sha256))
        events = EventSender(self._outbox, link, self._clock, on_settled=media.wake)
        copies = CopyMaker(link, self._clock, store=self._store, folder=self._folder, on_made=media.wake)
        what_ifs = WhatIfRunner(
            link,
            self._clock,
            data_dir=self._settings.data_dir,
            site_file=self._settings.config_dir / "site.yaml",
            in_force=self._camera_in_force,
        )
        reporter = Reporter(
            link,
            self._clock,
            store=self._store,
            configs=self._configs,
            statuses=self._statuses,
            on_configs=self._take_configs,
            on_wishes=copies.want,
            on_what_ifs=what_ifs.want,
            running=self._running,
        )
        look = self._look = LookSender(link, self._clock, health=self._health, ask=self._pool.show)
        listener = LookListener(link, self._clock, ask=self._pool.show, want_still=look.want_still)
        self._senders = [reporter, copies, what_ifs, events, media, look, listener]
        return link

    def _health(self) -> dict[str, CameraHealth]:
        return {status.camera_id: status.health for status in self._pool.statuses()}

    def _camera_in_force(self, camera_id: str) -> LoadedCamera | None:
        return self._config.cameras.get(camera_id)

    def _running(self) -> RunningConfigs:
        """Which configuration each camera runs; where the server's was refused, why."""
        refusals = self._configs.refusals
        versions = {camera_id: camera.version for camera_id, camera in self._config.cameras.items()}
        told = [
            RunningConfig(
                camera_id=camera_id, version=versions.get(camera_id, ""), refused=refusals.get(camera_id, "")[:500]
            )
            for camera_id in sorted({*versions, *refusals})
        ]
        return RunningConfigs(cameras=tuple(told[:256]))

    def _on_shown(self, shown: Shown) -> None:
        if self._look is not None:
            self._look.take(shown)

    def _statuses(self) -> tuple[CameraStatus, ...]:
        """How every camera is, with all that its admin should know."""
        return self._told(self._pool.statuses())

    def snapshot(self) -> EdgeSnapshot:
        """Everything that the edge tells of itself, now. May be called from any thread."""
        cameras = {camera.status.camera_id: camera for camera in self._pool.cameras()}
        statuses = self._told(tuple(camera.status for camera in cameras.values()))
        events, media = self._store.counts()
        nowhere = {status.camera_id: CameraSnapshot(status) for status in statuses}
        return EdgeSnapshot(
            taken_at=self._clock.utc(),
            uptime_s=self._clock.monotonic_s() - self._began_s,
            cameras=tuple(
                replace(cameras.get(status.camera_id, nowhere[status.camera_id]), status=status) for status in statuses
            ),
            workers=(*self._pool.workers(), self._inference.snapshot()),
            outbox_events=events,
            outbox_media=media,
            events_in_memory=self._outbox.waiting,
            evidence_bytes=self._folder.used_bytes,
            evidence_budget_bytes=self._budget_bytes,
        )

    def _told(self, statuses: tuple[CameraStatus, ...]) -> tuple[CameraStatus, ...]:
        site_file = self._settings.config_dir / "site.yaml"
        notices = mistakes_by_camera(self._config.errors, site_file)
        low_disk = self._low_disk()
        if low_disk:
            for status in statuses:
                notices.setdefault(status.camera_id, []).append(low_disk)
        for camera_id, refusal in self._configs.refusals.items():
            notices.setdefault(camera_id, []).append(refusal)
        for camera_id, (count, reason) in self._store.refused_by_camera().items():
            told = f"the server refused {count} events ({reason}): mend the cause, then `langan-edge outbox retry`"
            notices.setdefault(camera_id, []).append(told)
        return add_notices(statuses, notices)

    def _low_disk(self) -> str:
        """What the admin should know of the disk; empty: there is room."""
        free_bytes, waiting = shutil.disk_usage(self._settings.data_dir).free, self._outbox.waiting
        if free_bytes >= LOW_DISK_BYTES and not waiting:
            return ""
        kept = f", {waiting} events wait in memory" if waiting else ""
        if free_bytes < LOW_DISK_BYTES:
            left = f"{free_bytes / 1e6:.0f} MB left{kept}"
            told = f"the edge's disk is full ({left}), evidence is given up: free space on it"
        else:
            told = f"the edge's disk cannot be written{kept}: check it, and the owner and mode of the data folder"
        if self._repeats.unsaid("disk") is not None:
            log.warning("disk_low data=%s cause=%r", self._settings.data_dir, told)
        return told

    def _store_waiting(self) -> None:
        """Where no server is set no sender does so."""
        now_s = self._clock.monotonic_s()
        if self._outbox.waiting and now_s >= self._retry_at_s:
            self._outbox.retry()
            self._retry_at_s = now_s + RETRY_WAITING_S

    def _wake_senders(self) -> None:
        for sender in self._senders:
            if isinstance(sender, EventSender):
                sender.wake()

    def _take_configs(self, texts: Mapping[str, str]) -> None:
        """The server has newer configurations. Called by the reporter's thread."""
        with self._lock:
            self._config = self._configs.take(texts, self._config)
            self._pool.apply(self._site, self._config.cameras)

    def _read_again(self) -> None:
        with self._lock:
            fresh = self._configs.load()
            for error in fresh.errors:
                log.error("config_error %s", error)
            if fresh.site is None:
                log.error("reload_refused cause='site.yaml has mistakes' in_force=last_good")
                return
            if self._server_url(fresh.site) != self._server_url(self._site):
                log.warning("server_url_ignored in_force=%s remedy='restart the edge'", self._server_url(self._site))
            self._site = fresh.site
            self._config = _keep_last_good(fresh, self._config)
            self._pool.apply(self._site, self._config.cameras)
            log.info("reloaded cameras=%d errors=%d", len(self._config.cameras), len(fresh.errors))

    def _shut_down(self) -> None:
        self._watch.stopping()
        self._offline.finish()
        self._pool.stop(STOP_CAMERAS_S)
        self._inference.stop(STOP_INFERENCE_S)
        for sender in self._senders:
            drain_s = {EventSender: DRAIN_EVENTS_S, MediaSender: DRAIN_MEDIA_S}.get(type(sender), 0.0)
            sender.stop(drain_s)
        waiting = self._outbox.retry()
        if waiting:
            log.critical("events_lost count=%d cause='the disk takes none': free space on it, or check it", waiting)
        events, media = self._store.counts()
        self._store.close()
        if self._link is not None:
            self._link.close()
        log.info("stopped outbox_events=%d outbox_media=%d", events, media)


def _keep_last_good(fresh: LoadedConfig, current: LoadedConfig) -> LoadedConfig:
    """A camera whose file has mistakes now goes on with its last good configuration."""
    wrong = {Path(error.file) for error in fresh.errors}
    kept = {
        camera_id: loaded
        for camera_id, loaded in current.cameras.items()
        if camera_id not in fresh.cameras and loaded.path in wrong
    }
    return LoadedConfig(fresh.site, {**fresh.cameras, **kept}, fresh.errors)

"""What views are given: made once by `create_app`, reached by `services()`."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import cast

from flask import current_app

from server.alerts.doorbell import FeedBell
from server.alerts.hub import FeedHub
from server.alerts.relay import FeedRelay
from server.audit.service import AuditChain
from server.auth.oidc import Provider
from server.auth.sealing import Sealer
from server.auth.service import SessionPolicy
from server.cameras.heartbeats import Heartbeats
from server.clock import Clock
from server.db.engine import Database
from server.devices.signatures import ServerKey
from server.domain.access import PublicLogPolicy
from server.ingest.service import Intake
from server.jobs.doorbell import Doorbell
from server.look.board import LookBoard
from server.look.relay import Relay
from server.monitoring.metrics import Metrics
from server.settings import Settings
from server.storage.store import EvidenceStore
from server.storage.thumbnails import Thumbnails

EXTENSION = "langan"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running server."""

    settings: Settings
    database: Database
    clock: Clock
    intake: Intake
    """Where events go."""
    store: EvidenceStore
    thumbnails: Thumbnails
    """Snapshots as small as cards, in this process's memory."""
    hub: FeedHub
    relay: FeedRelay
    work: Doorbell
    """Wakes who does jobs and sends notifications."""
    bell: FeedBell
    """Wakes who follows the feed in other processes."""
    metrics: Metrics
    looks: LookBoard
    """What is wished of boxes while somebody looks through a camera."""
    frames: Relay
    """The newest picture of each camera that is looked through."""
    uploads: BoundedSemaphore
    """A place for each file of evidence that is being received."""
    chain: AuditChain
    server_key: ServerKey
    session_policy: SessionPolicy
    sealer: Sealer
    oidc: Provider | None
    """Where the site has one."""
    public_policy: PublicLogPolicy
    heartbeats: Heartbeats = field(default_factory=Heartbeats)


def services() -> Services:
    """The parts of the app that handles this request."""
    return cast("Services", current_app.extensions[EXTENSION])

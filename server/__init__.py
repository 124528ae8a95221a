"""The Flask server: ingest, incidents, live alerts, evidence, accounts, audit.

`create_app(settings)` is the composition root. Nothing is opened at import; the database connects on first use.
"""

from __future__ import annotations

import threading
from datetime import timedelta

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from server.alerts import service as alerts
from server.alerts.doorbell import FeedBell
from server.alerts.hub import FeedHub
from server.alerts.relay import FeedRelay
from server.audit.service import AuditChain
from server.auth.oidc import Provider
from server.auth.sealing import Sealer
from server.auth.service import SessionPolicy
from server.clock import Clock, SystemClock
from server.db.engine import Database
from server.devices.signatures import ServerKey
from server.domain.access import PublicLogPolicy
from server.ingest.service import Intake
from server.jobs.doorbell import Doorbell
from server.look.board import LookBoard
from server.look.relay import make_relay
from server.monitoring.metrics import Metrics
from server.notifications import outbox
from server.services import EXTENSION, Services
from server.settings import Settings
from server.silences.service import AlertGate
from server.storage.objects import ObjectStore
from server.storage.store import EvidenceStore, LocalStore
from server.storage.thumbnails import Thumbnails


def create_services(settings: Settings, clock: Clock | None = None) -> Services:
    """Put the parts of a server together.

    Args:
        settings: Made ready by `Settings.prepared`.
        clock: The machine's when None.
    """
    database = Database(settings.database_url)
    chain = AuditChain(settings.secret_key.get_secret_value())
    hub = FeedHub(database, max_clients=settings.streams)
    # Only PostgreSQL's relay rings: SQLite is looked at often enough, on the same disk.
    bell = FeedBell("" if database.dialect == "sqlite" else settings.redis_url)
    relay = FeedRelay(database, bell.ring)
    work = Doorbell()
    gate = AlertGate(settings.zone)
    database.before_commit += [chain.write_pending, gate.decide_pending, outbox.write_pending, alerts.write_pending]
    metrics = Metrics()
    metrics.watch_pool(database.engine)
    clock = clock or SystemClock()
    looks = LookBoard(database, clock, settings.held_looks, lambda: hub.closing)
    database.after_commit += [hub.ring, relay.wake, work.ring_after, looks.ring]
    return Services(
        settings=settings,
        database=database,
        clock=clock,
        intake=Intake(database, clock, settings.zone),
        store=_store(settings),
        thumbnails=Thumbnails(),
        hub=hub,
        relay=relay,
        work=work,
        bell=bell,
        metrics=metrics,
        looks=looks,
        frames=make_relay(settings),
        uploads=threading.BoundedSemaphore(settings.uploads),
        chain=chain,
        server_key=ServerKey(settings.secret_key.get_secret_value()),
        session_policy=SessionPolicy(
            timedelta(seconds=settings.session_idle_s), timedelta(seconds=settings.session_max_s)
        ),
        sealer=Sealer(settings.secret_key.get_secret_value()),
        oidc=Provider(settings) if settings.oidc_issuer else None,
        public_policy=PublicLogPolicy(settings.public_delay),
    )


def _store(settings: Settings) -> EvidenceStore:
    if settings.store_url:
        return ObjectStore(settings, settings.data_dir / "incoming")
    return LocalStore(settings.data_dir / "evidence", min_free_bytes=settings.min_free_bytes)


def create_app(settings: Settings, clock: Clock | None = None) -> Flask:
    """Make the WSGI app.

    Args:
        settings: From `Settings.from_environment`, or a test's own.
        clock: The machine's when None.
    """
    from server import delivery, http, i18n, pages
    from server.account import blueprint as account
    from server.admin.devices import blueprint as devices
    from server.admin.editor import blueprint as editor
    from server.admin.users import blueprint as users
    from server.admin.version_views import blueprint as versions
    from server.admin.views import blueprint as admin
    from server.admin.what_if_views import blueprint as what_if
    from server.alerts.views import blueprint as live
    from server.auth import web
    from server.auth.sign_in_pages import blueprint as sign_in
    from server.cameras import device_views as camera_device_views  # adds its addresses to the devices' API
    from server.look import device_views  # adds its addresses to the devices' API
    from server.look.views import blueprint as look
    from server.monitoring.readiness import (
        FEED_NUMBERS,
        JOB_NUMBERS,
        PARTITION_NUMBERS,
        feed_numbers,
        job_numbers,
        partition_numbers,
    )
    from server.monitoring.views import blueprint as monitoring
    from server.notifications.views import blueprint as notices
    from server.police.group_views import blueprint as grouping
    from server.police.map_views import blueprint as place_map
    from server.police.views import blueprint as police
    from server.push.views import blueprint as push
    from server.pwa.views import blueprint as pwa
    from server.reports.views import blueprint as reports
    from server.residents.feedback_views import blueprint as feedback
    from server.residents.views import blueprint as residents
    from server.retention.views import blueprint as retention
    from server.shifts.views import blueprint as shifts
    from server.silences.views import blueprint as silences
    from server.storage.views import blueprint as api

    assert device_views.blueprint is api  # noqa: S101 - one API
    assert camera_device_views.blueprint is api  # noqa: S101 - the same

    settings = settings.prepared()
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=web.MAX_FORM_BYTES,
        MAX_FORM_PARTS=web.MAX_FORM_PARTS,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
    )
    parts = app.extensions[EXTENSION] = create_services(settings, clock)
    parts.metrics.look(FEED_NUMBERS, lambda: feed_numbers(parts))
    parts.metrics.look(JOB_NUMBERS, lambda: job_numbers(parts))
    parts.metrics.look(PARTITION_NUMBERS, lambda: partition_numbers(parts))
    delivery.init_app(app)
    http.init_app(app)
    i18n.init_app(app, settings.language)
    web.init_app(app)
    pages.init_app(app)
    for blueprint in (
        api,
        live,
        monitoring,
        police,
        grouping,
        place_map,
        shifts,
        silences,
        residents,
        feedback,
        admin,
        editor,
        versions,
        what_if,
        devices,
        users,
        account,
        sign_in,
        notices,
        retention,
        reports,
        look,
        pwa,
        push,
    ):
        app.register_blueprint(blueprint)
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]  # Flask's documented way
    app.wsgi_app = http.patient(app.wsgi_app, settings.request_body_timeout_s)  # type: ignore[method-assign]  # as above
    return app

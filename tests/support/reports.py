"""What reports are made of in tests: incidents, officers' answers, cameras that come and go."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import select

from contract.event import CameraHealth
from server.db.models import Incident
from server.domain.access import Principal, Role
from server.domain.incident import IncidentAction
from server.domain.periods import Period
from server.domain.reports import Report
from server.incidents import service as incidents
from server.reports import cameras, rollup, service
from tests.support.village import Village, event

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MARCH = Period.month(2026, 3)
LEADER = Principal(Role.LEADER, "1", "Lãnh đạo", "nhon-loc")


def happen(village: Village) -> None:
    """Five incidents in two villages on the second of March, at nine, and one in February."""
    village.post([event(0), event(0, kind="intrusion"), event(0, spot="gate")])
    village.post([event(0, village="village-b"), event(0, village="village-b", spot="gate")], device="box-b")
    village.post([event(-10 * 24 * 3600)])
    village.clock.advance(minutes=10)
    act(village, "village-a", "crowding", IncidentAction.ACKNOWLEDGE)
    village.clock.advance(minutes=20)
    act(village, "village-a", "crowding", IncidentAction.RESOLVE)
    act(village, "village-b", "crowding", IncidentAction.FALSE_ALARM)
    rollup.catch_up(village.parts.database, ZONE)


def act(village: Village, place: str, kind: str, action: IncidentAction) -> None:
    """Act on the newest incidents of a kind in a place, but for those at the gate."""
    with village.parts.database.write() as session:
        wanted = select(Incident).where(Incident.village_id == place, Incident.kind == kind, Incident.spot != "gate")
        row = session.scalars(wanted.order_by(Incident.first_at.desc()).limit(1)).one()
        officer = village.principal("officer_commune")
        incidents.act(session, village.clock, officer, row.id, action, version=row.version, note="mèo")


def read(village: Village, principal: Principal = LEADER, place: str | None = None, period: Period = MARCH) -> Report:
    with village.parts.database.read() as session:
        return service.report(session, village.clock, ZONE, principal, place, period)


def beat(village: Village, health: CameraHealth, minutes: int, device: str = "box-a") -> None:
    """Heartbeats of a box, each half a minute."""
    for _ in range(2 * minutes):
        status = {"camera_id": "cam-1", "health": health.value, "fps_in": 25.0, "fps_detected": 5.0}
        body = {"sent_at": village.clock.utc().isoformat(), "software_version": "1", "outbox_events": 0}
        with village.app.test_client() as client:
            answer = client.post(
                "/api/v1/heartbeat",
                json={**body, "outbox_media": 0, "cameras": [status]},
                headers=village.signed(device),
            )
        assert answer.status_code in {200, 204}
        village.clock.advance(seconds=30)


def full(village: Village) -> Report:
    """A report with something in every part."""
    happen(village)
    beat(village, CameraHealth.OK, 5)
    beat(village, CameraHealth.RECONNECTING, 5)
    cameras.sum_up(village.parts.database, village.clock, ZONE)
    return read(village)

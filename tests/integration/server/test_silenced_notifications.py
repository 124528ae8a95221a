"""What a silence keeps from being sent, and when it is sent after all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from server.db.models import Incident
from server.domain.incident import IncidentAction
from server.domain.notices import NoticeState
from server.domain.silencing import Weekly
from server.incidents import service as incidents
from server.silences import service as silences
from server.silences.service import SilenceDraft
from tests.support.mailbox import Mailbox
from tests.support.notices import add_channel, notifications, send_due
from tests.support.village import Village, event


def test_threat_19_a_silence_that_ends_while_sending_leaves_its_decision(
    told_village: Village, mailbox: Mailbox
) -> None:
    village, parts = told_village, told_village.parts
    add_channel(village, "officer_a")
    now = village.clock.utc()
    draft = SilenceDraft("village-a", now, now + timedelta(minutes=10), "hội làng", kinds=("crowding",))
    with parts.database.write() as session:
        silence = silences.create(session, village.clock, parts.settings.zone, village.principal("officer_a"), draft)
    village.post([event()])
    send_due(village)
    assert mailbox.mails == []
    [row] = notifications(village)
    assert (row.state, row.decision) == (NoticeState.SILENCED, f"silenced by {silence.id}")
    send_due(village, 60)  # asked again, and still silenced
    assert mailbox.mails == []
    send_due(village, 700)  # the silence is over, and nobody has looked at the incident yet
    assert len(mailbox.mails) == 1
    [row] = notifications(village)
    assert (row.state, row.decision) == (NoticeState.SENT, f"alert, was silenced by {silence.id}")
    village.post([event(10 * n) for n in range(1, 8)])  # worse, and decided anew
    send_due(village)
    assert len(mailbox.mails) == 2
    assert notifications(village)[0].decision == "alert"


@pytest.mark.parametrize("end", ["early", "window of maintenance"])
def test_what_a_silence_kept_back_is_told_when_it_ends(told_village: Village, mailbox: Mailbox, end: str) -> None:
    village, parts = told_village, told_village.parts
    add_channel(village, "officer_a")
    village.post([event(kind="intrusion")])  # so that the camera is known
    who = village.principal("officer_a" if end == "early" else "admin")
    draft = SilenceDraft("village-a", village.clock.utc(), village.clock.utc() + timedelta(hours=2), "hội làng")
    if end != "early":
        minute = 10 * 60  # 10:00 to 11:00 in the village, on this day of the week
        weekly = Weekly(frozenset({0}), minute, minute + 60)
        draft = replace(draft, camera_ids=("cam-village-a",), is_maintenance=True, weekly=weekly)
    with parts.database.write() as session:
        silence_id = silences.create(session, village.clock, parts.settings.zone, who, draft).id
    village.post([event()])
    send_due(village)
    assert mailbox.mails == []
    if end == "early":
        with parts.database.write() as session:
            silences.end(session, village.clock, parts.settings.zone, who, silence_id)
        send_due(village, 60)
    else:
        send_due(village, 25 * 60)
        assert mailbox.mails == []
        send_due(village, 10 * 60)
    assert [row.state for row in notifications(village)] == [NoticeState.SENT] * 2
    assert all(row.decision == f"alert, was silenced by {silence_id}" for row in notifications(village))
    assert len(mailbox.mails) == 2


def test_what_was_handled_under_a_silence_is_not_told_after_it(told_village: Village, mailbox: Mailbox) -> None:
    village, parts = told_village, told_village.parts
    add_channel(village, "officer_a")
    now = village.clock.utc()
    draft = SilenceDraft("village-a", now, now + timedelta(minutes=10), "hội làng")
    with parts.database.write() as session:
        silence = silences.create(session, village.clock, parts.settings.zone, village.principal("officer_a2"), draft)
    result = village.post([event()]).get_json()["results"][0]
    send_due(village)
    with parts.database.write() as session:
        incident = session.get_one(Incident, UUID(result["incident_id"]))
        incidents.act(
            session,
            village.clock,
            village.principal("officer_a2"),
            incident.id,
            IncidentAction.ACKNOWLEDGE,
            version=incident.version,
        )
    send_due(village, 700)
    assert mailbox.mails == []
    [row] = notifications(village)
    assert (row.state, row.next_at) == (NoticeState.SILENCED, None)
    assert row.decision == f"silenced by {silence.id}; acknowledged meanwhile"

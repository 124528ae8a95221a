"""What a changed configuration would have told: asked by an admin, answered by the camera's box.

    admin --ask--> what_ifs --heartbeat's answer names it--> edge --GET--> text, signed by the server
        page <-- what_ifs <--PUT: which events appear, which vanish-- edge: rules over its stored observations

The server has no observations and never asks for them: they stay in the box.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from contract.device_api import RunningConfigs, WhatIfReport
from server.audit import service as audit
from server.cameras import service as cameras
from server.clock import Clock
from server.db.models import Camera
from server.db.what_if_models import CameraRun, WhatIf
from server.domain.access import Principal
from server.errors import NotFound

ANSWER_WITHIN: Final = timedelta(minutes=15)
"""After it a box is not told of it any more, and the page says that nobody answered."""
_AT_ONCE: Final = 4
OPEN: Final = frozenset({"asked", "working"})


def ask(
    session: Session,
    clock: Clock,
    actor: Principal,
    camera_id: str,
    text: str,
    *,
    based_on: int,
    request_id: str = "",
) -> WhatIf:
    """Ask a camera's box what a text would have told. The one asked before gives way.

    Raises:
        NotFound: No such camera in the scope.
        InvalidInput, TooLarge: The text is wrong.
    """
    camera = cameras.find_camera(session, actor, camera_id)
    cameras.check(session, camera_id, text)
    now = clock.utc()
    session.execute(delete(WhatIf).where(WhatIf.camera_id == camera_id, WhatIf.state.in_(OPEN)))
    row = WhatIf(
        id=uuid.uuid4(),
        camera_id=camera_id,
        device_id=camera.device_id,
        yaml=text,
        based_on=based_on,
        asked_by=actor.actor,
        asked_at=now,
        state="asked",
    )
    session.add(row)
    audit.record(
        session,
        at=now,
        actor=actor,
        action="camera.what_if",
        subject=f"camera:{camera_id}",
        detail={"based_on": based_on},
        request_id=request_id,
    )
    return row


def find(session: Session, principal: Principal, camera_id: str, what_if_id: str) -> tuple[Camera, WhatIf]:
    """What was asked of a camera in the scope.

    Raises:
        NotFound: There is none; it may be over.
    """
    camera = cameras.find_camera(session, principal, camera_id)
    row = session.get(WhatIf, _uuid(what_if_id))
    if row is None or row.camera_id != camera.id:
        raise NotFound("nobody asked this of the camera, or it is over", "Ask again from the camera's page.")
    return camera, row


def is_over(row: WhatIf, now: datetime) -> bool:
    """Whether nobody answers any more."""
    return row.state in OPEN and now - row.asked_at > ANSWER_WITHIN


def wishes_for(session: Session, device: Principal, now: datetime) -> tuple[uuid.UUID, ...]:
    """What a box is to try now. Only boxes that know the question are told: they say which version they run."""
    rows = session.scalars(
        select(WhatIf.id)
        .join(CameraRun, CameraRun.camera_id == WhatIf.camera_id)
        .where(WhatIf.device_id == device.id, WhatIf.state.in_(OPEN), WhatIf.asked_at > now - ANSWER_WITHIN)
        .order_by(WhatIf.asked_at)
        .limit(_AT_ONCE)
    )
    return tuple(rows)


def task_for(session: Session, device: Principal, what_if_id: str) -> WhatIf:
    """What a box is to try.

    Raises:
        NotFound: It is not asked of this device.
    """
    row = session.get(WhatIf, _uuid(what_if_id))
    if row is None or row.device_id != device.id:
        raise NotFound("this is not asked of this device", "Try those only that a heartbeat's answer names.")
    return row


def take_report(session: Session, device: Principal, what_if_id: str, report: WhatIfReport) -> None:
    """Keep a box's answer; one that came already stays.

    Raises:
        NotFound: It was not asked of this device.
    """
    row = task_for(session, device, what_if_id)
    if row.state in OPEN:
        row.state, row.report = report.state, report.model_dump(mode="json")


def take_running(session: Session, clock: Clock, device: Principal, running: RunningConfigs) -> None:
    """Keep which versions a box runs; cameras that are not its own are left alone."""
    told = {item.camera_id: item for item in running.cameras}
    own = session.scalars(select(Camera.id).where(Camera.device_id == device.id, Camera.id.in_(told)))
    now = clock.utc()
    for camera_id in own:
        row = session.get(CameraRun, camera_id) or CameraRun(camera_id=camera_id)
        row.version, row.refused, row.told_at = told[camera_id].version, told[camera_id].refused, now
        session.add(row)


def running(session: Session, camera_ids: Sequence[str]) -> dict[str, CameraRun]:
    """Which version each camera runs; those whose box has not said are left out."""
    return {row.camera_id: row for row in session.scalars(select(CameraRun).where(CameraRun.camera_id.in_(camera_ids)))}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound("no such question") from error

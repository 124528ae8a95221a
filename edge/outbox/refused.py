"""`langan-edge outbox`: what the server refused, looked at and sent again after the mistake was mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.clock import SystemClock
from edge.errors import OutboxError
from edge.outbox.store import DeadEvent, SqliteOutbox

FILE_NAME = "outbox.sqlite"


@contextmanager
def _open(data_dir: Path) -> Iterator[SqliteOutbox]:
    path = data_dir / FILE_NAME
    if not path.is_file():
        raise OutboxError(f"{path}: there is no outbox: give the folder that `langan-edge run --data` uses")
    store = SqliteOutbox(path, SystemClock())
    try:
        yield store
    finally:
        store.close()


def list_refused(data_dir: Path) -> Iterator[str]:
    """A line for each refused event and file, and a last one that counts.

    Raises:
        OutboxError: There is no outbox, or a running edge uses it.
    """
    with _open(data_dir) as store:
        events, files, (waiting, media) = store.dead_events(), store.refused_media(), store.counts()
    for event in events:
        body = json.loads(event.body)
        yield (
            f"{event.refused_at} {event.event_id}/{event.revision} {body['kind']} {body['state']} "
            f"camera={body['camera_id']} village={body['village']} {event.status}: {event.reason}"
        )
    for path, reason in files:
        yield f"{path}: {reason}"
    yield f"{len(events)} refused events, {len(files)} refused files; {waiting} events and {media} files wait"


def export_refused(data_dir: Path) -> Iterator[str]:
    """A JSON line for each refused event: the event, why it was refused and when. Errors as `list_refused`."""
    with _open(data_dir) as store:
        events = store.dead_events()
    for event in events:
        told = {"status": event.status, "reason": event.reason, "refused_at": event.refused_at}
        yield json.dumps({**told, "event": json.loads(event.body)}, ensure_ascii=False)


def retry_refused(data_dir: Path, camera_id: str | None = None) -> Iterator[str]:
    """Put refused events back among those that wait. Conflicts stay: the server has another body and keeps it.

    Args:
        data_dir: Of the edge.
        camera_id: Only this camera's; None: every camera's.

    Raises:
        OutboxError: There is no outbox, or a running edge uses it.
    """
    with _open(data_dir) as store:
        events = store.dead_events()
        chosen = [event for event in events if event.status == "refused" and _is_of(event, camera_id)]
        store.revive(chosen)
    yield f"{len(chosen)} events wait again, {len(events) - len(chosen)} stay refused: start the edge to send them"


def _is_of(event: DeadEvent, camera_id: str | None) -> bool:
    return camera_id is None or json.loads(event.body)["camera_id"] == camera_id

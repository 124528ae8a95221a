"""Number plates in a camera's pipeline: when pictures are kept, and for whom they are read."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from contract.event import EventState
from contract.plates import PLATE_KINDS, PlateReading
from edge.errors import ModelError
from edge.plates.candidates import Candidates
from edge.plates.reader import PlateReader
from edge.types import Frame, RuleEvent, Track

log = logging.getLogger(__name__)


class PlateWatch:
    """Implements `edge.pipeline.Plates`.

    Args:
        camera_id: For the log, which never repeats a plate.
        reader: Asked only for a vehicle that an event of a traffic rule is about.
    """

    def __init__(self, camera_id: str, reader: PlateReader) -> None:
        self._camera_id = camera_id
        self._reader = reader
        self._candidates = Candidates()

    def look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """See `edge.pipeline.Plates`."""
        self._candidates.look(frame, tracks)

    def read(self, event: RuleEvent) -> PlateReading | None:
        """See `edge.pipeline.Plates`."""
        if event.kind not in PLATE_KINDS or event.state is EventState.UPDATE:
            return None
        pictures = self._candidates.pictures(event.track_ids)
        if event.state is EventState.START:
            self._candidates.keep(event.track_ids)
        else:
            self._candidates.forget(event.track_ids)
        try:
            return self._reader.read(pictures) if pictures else None
        except ModelError as error:  # an event is worth more than its plate
            log.warning("plate_not_read camera=%s kind=%s cause=%r", self._camera_id, event.kind, str(error))
            return None

    def forget(self) -> None:
        """See `edge.pipeline.Plates`."""
        self._candidates.forget()

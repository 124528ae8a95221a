"""Evidence where there are no pictures."""

from __future__ import annotations

from collections.abc import Sequence

from contract.event import TrackPath
from edge.recorder import ClipJob, EvidenceFile, Moment
from edge.types import RuleEvent


class NoEvidence:
    """Implements `edge.recorder.EvidenceMaker` where there are no pictures: of silence, of stored observations."""

    def snapshots(
        self,
        moment: Moment,  # noqa: ARG002 - the port's signature
        event: RuleEvent,  # noqa: ARG002 - the port's signature
        paths: Sequence[TrackPath],  # noqa: ARG002 - the port's signature
    ) -> list[EvidenceFile]:
        """None."""
        return []

    def recorded_until_s(self) -> float | None:
        """Nothing is recorded."""
        return None

    def clip(self, start_s: float, end_s: float) -> ClipJob | None:  # noqa: ARG002 - the port's signature
        """There is nothing to cut."""
        return None

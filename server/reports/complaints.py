"""What residents wrote, and how it was answered: numbers only."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from server.db.feedback_models import Feedback
from server.domain.feedback import FeedbackState
from server.domain.reports import ComplaintRow, Times
from server.domain.tallies import bucket_of


def count(
    session: Session, villages: Select[str], since: datetime, until: datetime
) -> tuple[tuple[ComplaintRow, ...], Times]:
    """What was written in a time, by what it was about, and how long answers took."""
    rows = session.execute(
        select(Feedback.about, Feedback.state, Feedback.created_at, Feedback.answered_at).where(
            Feedback.village_id.in_(villages), Feedback.created_at >= since, Feedback.created_at < until
        )
    ).all()
    counted = Counter((row.about.value, row.state) for row in rows)
    took: Counter[str] = Counter(
        bucket_of((row.answered_at - row.created_at).total_seconds()) for row in rows if row.answered_at is not None
    )
    received = Counter(row.about.value for row in rows)
    return (
        tuple(
            ComplaintRow(about, number, counted[about, FeedbackState.ANSWERED], counted[about, FeedbackState.DECLINED])
            for about, number in received.most_common()
        ),
        Times.of(took),
    )

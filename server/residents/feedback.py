"""Residents are heard: they write, an officer of the village answers, and what may be shown to all is shown.

Who answers never learns who wrote. A picture that is not covered can be taken from the residents' log in the same step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.feedback_models import Feedback
from server.db.models import Incident
from server.domain import access
from server.domain.access import Permission, Principal, PublicLogPolicy
from server.domain.feedback import A_DAY, DAY, MAX_TEXT, About, FeedbackState
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, TooManyRequests
from server.incidents.queries import find_incident, public_incident
from server.places.service import PlaceTree

LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody wants to say."""

    village_id: str
    about: str
    text: str
    incident_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an officer says to it."""

    text: str
    declined: bool = False
    public_text: str = ""
    """The resident's words as everybody may read them, without names; empty: for the author alone."""
    hide_picture: bool = False


def write(session: Session, clock: Clock, policy: PublicLogPolicy, principal: Principal, words: Words) -> Feedback:
    """Keep a resident's words for the officers of the village.

    Raises:
        Forbidden: The role does not write.
        NotFound: The village is not in the scope, or the entry is not one that the resident sees.
        InvalidInput: No text, too long a text, an unknown subject.
        TooManyRequests: Enough for today.
    """
    tree = PlaceTree.read(session)
    if not access.may(principal, Permission.WRITE_FEEDBACK):
        raise Forbidden("your role does not write here", "Officers write notes on the incident's page.")
    if words.village_id not in tree.villages_of(principal):
        raise NotFound("no such village in your scope", "Choose one of the list.")
    if words.about not in set(About):
        raise InvalidInput(f"unknown subject {words.about[:20]!r}", "Choose one of the list.")
    text = _checked(words.text, "text")
    if words.incident_id is not None:
        public_incident(session, principal, clock, policy, words.incident_id)
    now = clock.utc()
    written = session.scalar(
        select(func.count()).where(Feedback.author_id == int(principal.id), Feedback.created_at > now - DAY)
    )
    if (written or 0) >= A_DAY:
        raise TooManyRequests(f"{A_DAY} in a day", "Write again tomorrow.", retry_after_s=int(DAY.total_seconds()))
    row = Feedback(
        village_id=words.village_id,
        author_id=int(principal.id),
        about=About(words.about),
        incident_id=words.incident_id,
        text=text,
        created_at=now,
        state=FeedbackState.NEW,
    )
    session.add(row)
    session.flush()
    return row


def answer(
    session: Session,
    clock: Clock,
    principal: Principal,
    feedback_id: int,
    version: int,
    said: Answer,
    *,
    request_id: str = "",
) -> Feedback:
    """Answer, anew if need be.

    Raises:
        NotFound: There is none in the scope of somebody who may answer.
        InvalidInput: No answer, or too long a text.
        Conflict: Somebody else answered meanwhile.
    """
    row = find(session, principal, feedback_id)
    text = _checked(said.text, "answer")
    public_text = "" if said.declined or not said.public_text.strip() else _checked(said.public_text, "public text")
    now = clock.utc()
    taken = session.scalar(
        update(Feedback)
        .where(Feedback.id == row.id, Feedback.version == version)
        .values(
            state=FeedbackState.DECLINED if said.declined else FeedbackState.ANSWERED,
            answer=text,
            public_text=public_text,
            answered_at=now,
            answered_by_name=principal.name,
            version=version + 1,
        )
        .returning(Feedback.id)
        .execution_options(synchronize_session=False)
    )
    if taken is None:
        raise Conflict("somebody else has answered meanwhile", "Read their answer, then answer again.")
    session.refresh(row)
    if said.hide_picture and row.incident_id is not None:
        hide_picture(session, clock, principal, row.incident_id, request_id=request_id)
    audit.record(
        session,
        at=now,
        actor=principal,
        action="feedback.decline" if said.declined else "feedback.answer",
        subject=f"feedback:{row.id}",
        detail={"village": row.village_id, "shown_to_all": bool(public_text)},
        request_id=request_id,
    )
    return row


def hide_picture(
    session: Session, clock: Clock, principal: Principal, incident_id: UUID, *, request_id: str = ""
) -> None:
    """Take an incident's picture from the residents' log, at once and for good. Officers keep theirs.

    Raises:
        NotFound: There is no such incident in the scope.
    """
    incident = find_incident(session, principal, incident_id)
    if not access.may(principal, Permission.HANDLE_INCIDENTS):
        raise Forbidden("your role may not do this", "Ask an officer.")
    if incident.picture_hidden_at is not None:
        return
    now = clock.utc()
    # No new version: an officer who decides on the incident meanwhile is not held up by this.
    session.execute(update(Incident).where(Incident.id == incident_id).values(picture_hidden_at=now))
    audit.record(
        session,
        at=now,
        actor=principal,
        action="incident.hide_picture",
        subject=f"incident:{incident_id}",
        detail={"village": incident.village_id},
        request_id=request_id,
    )


def find(session: Session, principal: Principal, feedback_id: int) -> Feedback:
    """A resident's words in the scope of somebody who answers.

    Raises:
        NotFound: There are none, or they are elsewhere.
    """
    row = session.get(Feedback, feedback_id)
    if row is None or not access.may_here(
        principal, Permission.ANSWER_FEEDBACK, PlaceTree.read(session).path(row.village_id)
    ):
        raise NotFound("no such feedback")
    return row


def inbox(session: Session, principal: Principal, *, is_open: bool) -> Sequence[Feedback]:
    """What waits for an answer (uncovered pictures first, then the oldest), or what was answered lately."""
    if not access.may(principal, Permission.ANSWER_FEEDBACK):
        return ()
    query = select(Feedback).where(Feedback.village_id.in_(PlaceTree.read(session).villages_of(principal)))
    if is_open:
        query = query.where(Feedback.state == FeedbackState.NEW).order_by(
            Feedback.about != About.PICTURE, Feedback.created_at
        )
    else:
        query = query.where(Feedback.state != FeedbackState.NEW).order_by(Feedback.answered_at.desc())
    return session.scalars(query.limit(LISTED)).all()


def waiting(session: Session, principal: Principal) -> int:
    """How much waits for an answer."""
    if not access.may(principal, Permission.ANSWER_FEEDBACK):
        return 0
    villages = PlaceTree.read(session).villages_of(principal)
    return (
        session.scalar(
            select(func.count()).where(Feedback.village_id.in_(villages), Feedback.state == FeedbackState.NEW)
        )
        or 0
    )


def written_by(session: Session, principal: Principal) -> Sequence[Feedback]:
    """What somebody wrote, with its answers; the newest first."""
    query = select(Feedback).where(Feedback.author_id == int(principal.id))
    return session.scalars(query.order_by(Feedback.created_at.desc()).limit(LISTED)).all()


def shown_to_all(session: Session, principal: Principal) -> Sequence[Feedback]:
    """What was answered for everybody in the reader's villages; the newest first."""
    if not access.may(principal, Permission.READ_PUBLIC_LOG):
        return ()
    villages = PlaceTree.read(session).villages_of(principal)
    query = select(Feedback).where(
        and_(Feedback.village_id.in_(villages), Feedback.state == FeedbackState.ANSWERED, Feedback.public_text != "")
    )
    return session.scalars(query.order_by(Feedback.answered_at.desc()).limit(LISTED)).all()


def _checked(text: str, what: str) -> str:
    text = text.replace("\x00", "").strip()
    if not text:
        raise InvalidInput(f"no {what}", "Write a sentence.")
    if len(text) > MAX_TEXT:
        raise InvalidInput(f"the {what} has {len(text)} characters", f"Keep it to {MAX_TEXT}.")
    return text

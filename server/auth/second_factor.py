"""The second factor: codes of an authenticator app (TOTP, RFC 6238), recovery codes, and who must have one.

A code is taken once: the step it belongs to is remembered, and a step that was used, or an earlier one, is refused.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth import one_time
from server.auth.one_time import Purpose
from server.auth.sealing import Sealer
from server.auth.tokens import same
from server.clock import Clock
from server.db.account_models import Passkey, RecoveryCode, SecondFactorRule, TotpSecret
from server.db.models import User
from server.domain.access import Principal, Role
from server.errors import Conflict, NotFound

STEP_S: Final = 30
DRIFT_STEPS: Final = 1
"""A phone's clock may be off by so many steps (RFC 6238, section 5.2)."""
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""No l, 1, o, 0, i: written down by hand and typed in a hurry. Ten of them are 49 bits."""
_TOTP: Final = "totp secret"
_RECOVERY: Final = "recovery code"
REQUIRABLE_ROLES: Final = (Role.OFFICER, Role.LEADER, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey in the owner's list."""

    id: str
    """The credential's id, in hexadecimal digits."""
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody has beside the password."""

    has_totp: bool
    passkeys: tuple[PasskeyRow, ...]
    recovery_left: int
    is_required: bool
    """The site asks it of this role."""

    @property
    def any(self) -> bool:
        """Whether a second factor is asked for at sign-in."""
        return self.has_totp or bool(self.passkeys)


def factors_of(session: Session, user_id: int) -> Factors:
    """What somebody has set up.

    Raises:
        NotFound: No such user.
    """
    user = _user(session, user_id)
    passkeys = session.scalars(select(Passkey).where(Passkey.user_id == user_id).order_by(Passkey.created_at))
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return Factors(
        has_totp=_confirmed(session, user_id) is not None,
        passkeys=tuple(
            PasskeyRow(row.credential_id.hex(), row.name, row.created_at, row.last_used_at) for row in passkeys
        ),
        recovery_left=session.scalar(left) or 0,
        is_required=user.role in required_roles(session),
    )


# Authenticator apps


def begin_totp(session: Session, clock: Clock, sealer: Sealer, user_id: int) -> None:
    """Make a secret for an app; it counts from `confirm_totp` on.

    Raises:
        Conflict: An app is set up already.
    """
    if _confirmed(session, user_id) is not None:
        raise Conflict("an authenticator app is set up already", "Remove it first.")
    session.execute(delete(TotpSecret).where(TotpSecret.user_id == user_id))
    sealed = sealer.seal(_TOTP, user_id, pyotp.random_base32())
    session.add(TotpSecret(user_id=user_id, sealed=sealed, created_at=clock.utc(), last_step=0))
    session.flush()


def pending_totp(session: Session, sealer: Sealer, user_id: int) -> str | None:
    """The secret that waits for its first code, for the page that shows it; None when there is none."""
    row = session.get(TotpSecret, user_id)
    return sealer.unseal(_TOTP, user_id, row.sealed) if row is not None and row.confirmed_at is None else None


def totp_address(secret: str, username: str, site_name: str) -> str:
    """The `otpauth://` address that apps read from a QR code."""
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=username, issuer_name=site_name)


def confirm_totp(session: Session, clock: Clock, sealer: Sealer, person: Principal, code: str) -> list[str] | None:
    """Set the app up when it shows a right code.

    Returns:
        Recovery codes to show once (empty when there are some already); None when the code is wrong.
    """
    user_id = int(person.id)
    if pending_totp(session, sealer, user_id) is None or not _take_totp(session, clock, sealer, user_id, code):
        return None
    session.execute(update(TotpSecret).where(TotpSecret.user_id == user_id).values(confirmed_at=clock.utc()))
    return factor_added(session, clock, sealer, person, "totp")


def remove_totp(session: Session, clock: Clock, person: Principal) -> None:
    """Forget the app."""
    session.execute(delete(TotpSecret).where(TotpSecret.user_id == int(person.id)))
    factor_removed(session, clock, person, "totp")


# Codes at sign-in


def take_code(session: Session, clock: Clock, sealer: Sealer, user_id: int, code: str) -> str | None:
    """Check a code of an app, or a recovery code, and use it up.

    Returns:
        `totp` or `recovery`; None when it is wrong or was used before.
    """
    if _confirmed(session, user_id) is not None and _take_totp(session, clock, sealer, user_id, code):
        return "totp"
    taken = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash == _recovery_hash(sealer, user_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.utc())
        .returning(RecoveryCode.id)
    ).first()
    return "recovery" if taken is not None else None


def new_recovery_codes(session: Session, clock: Clock, sealer: Sealer, person: Principal) -> list[str]:
    """Make new recovery codes, to be shown once; the old ones end."""
    user_id = int(person.id)
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user_id, code_hash=_recovery_hash(sealer, user_id, code)) for code in codes)
    audit.record(session, at=clock.utc(), actor=person, action="user.recovery_codes", subject=f"user:{user_id}")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


# Who has one, and who must


def factor_added(session: Session, clock: Clock, sealer: Sealer, person: Principal, kind: str) -> list[str]:
    """Note a new factor; gives recovery codes when it is the first."""
    user = _user(session, int(person.id))
    is_first = not user.has_second_factor
    user.has_second_factor = True
    _record(session, clock, person, "user.add_factor", user.id, kind)
    return new_recovery_codes(session, clock, sealer, person) if is_first else []


def factor_removed(session: Session, clock: Clock, person: Principal, kind: str) -> None:
    """Note that a factor is gone; recovery codes go with the last one."""
    user = _user(session, int(person.id))
    session.flush()
    left = session.scalar(select(func.count()).where(Passkey.user_id == user.id)) or 0
    user.has_second_factor = left > 0 or _confirmed(session, user.id) is not None
    if not user.has_second_factor:
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    _record(session, clock, person, "user.remove_factor", user.id, kind)


def reset_factors(session: Session, clock: Clock, user_id: int, actor: Principal | None) -> None:
    """Take every second factor from somebody who has lost them; the caller ends the sessions.

    Raises:
        NotFound: No such user.
    """
    user = _user(session, user_id)
    for table in (TotpSecret, Passkey, RecoveryCode):
        session.execute(delete(table).where(table.user_id == user_id))
    one_time.end_all(session, Purpose.SECOND_FACTOR, user_id)
    user.has_second_factor = False
    _record(session, clock, actor, "user.reset_factors", user_id, "all")


def required_roles(session: Session) -> set[Role]:
    """The roles that must have a second factor."""
    return {Role(role) for role in session.scalars(select(SecondFactorRule.role))}


def require_of(session: Session, clock: Clock, actor: Principal | None, roles: set[Role]) -> None:
    """Say which roles must have one. Who has none can only set one up, from the next request on."""
    known = required_roles(session)
    if known == roles:
        return
    session.execute(delete(SecondFactorRule))
    session.add_all(SecondFactorRule(role=role.value, since=clock.utc()) for role in sorted(roles))
    audit.record(
        session,
        at=clock.utc(),
        actor=actor,
        action="site.require_factor",
        subject="site:1",
        detail={"roles": sorted(role.value for role in roles)},
    )


def _take_totp(session: Session, clock: Clock, sealer: Sealer, user_id: int, code: str) -> bool:
    """Check a code of an app and use its step up: of two who bring the same code at once, one gets in."""
    row = session.get(TotpSecret, user_id)
    secret = sealer.unseal(_TOTP, user_id, row.sealed) if row is not None else None
    digits = "".join(letter for letter in code if letter in "0123456789")
    if row is None or secret is None or len(digits) != 6 or len(code) > 20:
        return False
    totp = pyotp.TOTP(secret, interval=STEP_S)
    now = int(clock.utc().timestamp()) // STEP_S
    right = [step for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1) if same(totp.generate_otp(step), digits)]
    if not right:
        return False
    taken = session.execute(
        update(TotpSecret)
        .where(TotpSecret.user_id == user_id, TotpSecret.last_step < right[0])
        .values(last_step=right[0])
        .returning(TotpSecret.user_id)
    ).first()
    return taken is not None


def _confirmed(session: Session, user_id: int) -> int | None:
    query = select(TotpSecret.user_id).where(TotpSecret.user_id == user_id, TotpSecret.confirmed_at.is_not(None))
    return session.scalar(query)


def _recovery_hash(sealer: Sealer, user_id: int, code: str) -> bytes:
    letters = "".join(letter for letter in code.lower()[:40] if letter in _ALPHABET)
    return sealer.digest(_RECOVERY, f"{user_id} {letters}")


def _record(session: Session, clock: Clock, actor: Principal | None, action: str, user_id: int, kind: str) -> None:
    subject = f"user:{user_id}"
    audit.record(session, at=clock.utc(), actor=actor, action=action, subject=subject, detail={"factor": kind})


def _user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"no user {user_id}")
    return user

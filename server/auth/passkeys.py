"""Passkeys (WebAuthn): keys in a phone, a computer or a key ring that only answer to this site's own name.

They are discoverable (no user name is typed) and verify their user (finger, face or PIN): one passkey is two factors.
Which maker built the key is not asked. A passkey is bound to the host's name, so it needs one: browsers give none to
an address such as 192.168.1.2, and only over https (or on localhost).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import select
from sqlalchemy.orm import Session
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.auth import one_time, second_factor
from server.auth.one_time import Purpose, Ticket
from server.auth.sealing import Sealer
from server.clock import Clock
from server.db.account_models import Passkey
from server.db.models import User
from server.domain.access import Principal
from server.errors import InvalidInput, NotAuthenticated, NotFound

MAX_PASSKEYS: Final = 10
MAX_ANSWER_LETTERS: Final = 12 * 1024
_HANDLE: Final = "passkey user handle"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """This site, as passkeys know it."""

    host: str
    origin: str
    name: str

    @classmethod
    def of(cls, address: str, name: str) -> RelyingParty | None:
        """Of an address such as `https://langan.example`; None where browsers give no passkeys."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        if not host or _is_ip(host) or (parts.scheme != "https" and host != "localhost"):
            return None
        return cls(host, f"{parts.scheme}://{parts.netloc}", name)


@dataclass(frozen=True, slots=True)
class Question:
    """What the browser's script hands to `navigator.credentials`."""

    ticket: str
    """Comes back with the answer."""
    options: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The answer of the views that ask."""
        return {"ticket": self.ticket, "options": self.options}


def ask_to_register(session: Session, clock: Clock, sealer: Sealer, site: RelyingParty, user: User) -> Question:
    """Begin a new passkey.

    Raises:
        InvalidInput: There are as many as one person may have.
    """
    known = session.scalars(select(Passkey).where(Passkey.user_id == user.id)).all()
    if len(known) >= MAX_PASSKEYS:
        raise InvalidInput(f"there are {MAX_PASSKEYS} passkeys already", "Remove one that you no longer use.")
    options = webauthn.generate_registration_options(
        rp_id=site.host,
        rp_name=site.name,
        user_name=user.username,
        user_display_name=user.display_name,
        user_id=sealer.digest(_HANDLE, str(user.id)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential_id) for row in known],
    )
    data = {"challenge": _text(options.challenge)}
    ticket = one_time.issue(session, clock, Purpose.REGISTER_PASSKEY, user_id=user.id, data=data)
    return Question(ticket, json.loads(webauthn.options_to_json(options)))


def register(
    session: Session,
    clock: Clock,
    sealer: Sealer,
    site: RelyingParty,
    person: Principal,
    *,
    ticket: str,
    answer: str,
    name: str,
) -> list[str]:
    """Keep a new passkey; gives recovery codes to show once when it is the first second factor.

    Raises:
        InvalidInput: The answer is not one to the question, or the key did not ask for finger, face or PIN.
    """
    user_id = int(person.id)
    asked = one_time.take(session, clock, Purpose.REGISTER_PASSKEY, ticket)
    if asked is None or asked.user_id != user_id:
        raise _refused()
    try:
        made = webauthn.verify_registration_response(
            credential=_answer(answer),
            expected_challenge=_bytes(asked.data["challenge"]),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused() from error
    if session.get(Passkey, made.credential_id) is not None:
        raise _refused()
    session.add(
        Passkey(
            credential_id=made.credential_id,
            user_id=user_id,
            public_key=made.credential_public_key,
            sign_count=made.sign_count,
            name=name.strip()[:80] or "Passkey",
            created_at=clock.utc(),
        )
    )
    session.flush()
    return second_factor.factor_added(session, clock, sealer, person, "passkey")


def ask_to_sign_in(session: Session, clock: Clock, site: RelyingParty, user_id: int | None = None) -> Question:
    """Begin a sign-in: whoever holds a passkey of this site, or one person after the password."""
    known = session.scalars(select(Passkey.credential_id).where(Passkey.user_id == user_id)).all() if user_id else []
    options = webauthn.generate_authentication_options(
        rp_id=site.host,
        allow_credentials=[PublicKeyCredentialDescriptor(id=item) for item in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    data = {"challenge": _text(options.challenge)}
    ticket = one_time.issue(session, clock, Purpose.SIGN_IN_PASSKEY, user_id=user_id, data=data)
    return Question(ticket, json.loads(webauthn.options_to_json(options)))


def check_sign_in(session: Session, clock: Clock, site: RelyingParty, asked: Ticket | None, answer: str) -> User:
    """Who holds the passkey that answered.

    Args:
        session: Of `Database.write`.
        clock: The time.
        site: This site.
        asked: What `one_time.take` gave for the question's ticket, in a transaction of its own: a question is used up
            by a wrong answer, too.
        answer: JSON of the browser's script.

    Raises:
        NotAuthenticated: The answer is not one to the question, or of no key that we know.
    """
    if asked is None:
        raise _unknown()
    try:
        credential = webauthn.helpers.parse_authentication_credential_json(_answer(answer))
        row = session.get(Passkey, credential.raw_id)
        if row is None or asked.user_id not in {None, row.user_id}:
            raise _unknown()
        checked = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_bytes(asked.data["challenge"]),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _unknown() from error
    user = session.get(User, row.user_id)
    if user is None or not user.active:
        raise _unknown()
    row.sign_count, row.last_used_at = checked.new_sign_count, clock.utc()
    return user


def remove(session: Session, clock: Clock, person: Principal, passkey_id: str) -> None:
    """Forget one of the person's own passkeys.

    Raises:
        NotFound: There is none of this id, or it is somebody else's.
    """
    try:
        row = session.get(Passkey, bytes.fromhex(passkey_id[:2046]))
    except ValueError:
        row = None
    if row is None or row.user_id != int(person.id):
        raise NotFound("no such passkey")
    session.delete(row)
    session.flush()
    second_factor.factor_removed(session, clock, person, "passkey")


def _answer(answer: str) -> dict[str, Any]:
    """The JSON that a script made of the browser's answer."""
    found = json.loads(answer[:MAX_ANSWER_LETTERS])
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _refused() -> InvalidInput:
    return InvalidInput("the passkey was not accepted", "Try again, or use another device.")


def _unknown() -> NotAuthenticated:
    return NotAuthenticated("the passkey is not known here", "Sign in with your password.")

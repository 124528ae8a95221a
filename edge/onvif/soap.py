"""SOAP 1.2 as cameras speak it: reading what a stranger on the network sent, and signing what we ask.

Cheap cameras bend the standard (prefixes, versions, missing parts), so elements are found by their local names.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime
from xml.sax.saxutils import escape

from edge.errors import SourceUnreadable

MAX_BYTES = 1_000_000
_DTD = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


def envelope(body: str, header: str = "") -> bytes:
    """Wrap a body into a SOAP 1.2 message."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'
        f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def username_token(user: str, password: str, created: datetime) -> str:
    """The header that proves who asks without showing the password (WS-Security UsernameToken, PasswordDigest).

    Args:
        user: Name of the camera's account.
        password: Its password.
        created: The *camera's* time, aware: many refuse a token that is minutes off.
    """
    nonce, stamp = secrets.token_bytes(16), f"{created:%Y-%m-%dT%H:%M:%SZ}"
    # SHA-1 is what the standard asks for.
    digest = hashlib.sha1(nonce + stamp.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<w:Security xmlns:w="{_WSSE}" xmlns:u="{_WSU}"><w:UsernameToken>'
        f"<w:Username>{escape(user)}</w:Username>"
        f'<w:Password Type="{_DIGEST}">{base64.b64encode(digest).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{stamp}</u:Created></w:UsernameToken></w:Security>"
    )


def parse(data: bytes) -> ET.Element:
    """Read a message.

    Raises:
        SourceUnreadable: It is too large, no XML, or holds a DTD, which SOAP forbids.
    """
    if len(data) > MAX_BYTES:
        raise SourceUnreadable(f"an answer of more than {MAX_BYTES} bytes: this is no ONVIF camera")
    try:
        text = data.decode("utf-8")
        if _DTD.search(text):
            raise SourceUnreadable("an answer with a DTD, which SOAP forbids: this is no ONVIF camera")
        return ET.fromstring(text)  # noqa: S314 - no DTD, so no entities
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise SourceUnreadable(f"an answer that is no XML ({type(error).__name__}): this is no ONVIF camera") from None


def local_name(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def find_all(parent: ET.Element, name: str) -> Iterator[ET.Element]:
    """Every element of that local name below `parent`, in document order."""
    return (element for element in parent.iter() if local_name(element) == name)


def find(parent: ET.Element, *names: str) -> ET.Element | None:
    """The first element below `parent`, following the local names one inside the other."""
    current: ET.Element | None = parent
    for name in names:
        current = next(find_all(current, name), None) if current is not None else None
    return current


def text_of(parent: ET.Element, *names: str) -> str:
    """The text of `find`, stripped; empty where there is none."""
    found = find(parent, *names)
    return (found.text or "").strip() if found is not None else ""


def fault_of(message: ET.Element) -> str:
    """What a fault says, code and reason; empty when the message is none."""
    fault = find(message, "Fault")
    if fault is None:
        return ""
    values = [(value.text or "").strip() for value in find_all(fault, "Value")]
    reason = text_of(fault, "Reason", "Text") or text_of(fault, "faultstring")
    return " ".join(part for part in (*values, reason) if part) or "a fault without words"

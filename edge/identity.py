"""Who this device is to its server: its id, its private key, and the server's public key, kept in the data folder.

`device.json` is written once, by `langan-edge enrol`; only its owner can read it. The private key never leaves the box.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.errors import EdgeError

FILE_NAME = "device.json"


class IdentityError(EdgeError):
    """The file that says who the device is cannot be read or written."""


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """Made by enrolling."""

    device_id: str
    server_url: str
    """Where it enrolled; `server.url` of site.yaml may name another address of the same server."""
    private_key: Ed25519PrivateKey = field(repr=False)
    server_key: Ed25519PublicKey
    """Whose signature the device believes."""

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """The identity in a data folder; None where the device has not enrolled.

        Raises:
            IdentityError: The file is there, but not as we write it.
        """
        path = data_dir / FILE_NAME
        try:
            said = json.loads(path.read_text("utf-8"))
            return cls(
                device_id=str(said["device_id"]),
                server_url=str(said["server_url"]),
                private_key=Ed25519PrivateKey.from_private_bytes(base64.b64decode(said["private_key"])),
                server_key=Ed25519PublicKey.from_public_bytes(base64.b64decode(said["server_key"])),
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IdentityError(f"{path}: cannot be read ({error.strerror}): correct its owner and mode") from error
        except (ValueError, KeyError, TypeError) as error:  # its content is not repeated: it holds the key
            raise IdentityError(f"{path}: is damaged: enrol again (`langan-edge enrol`)") from error

    def write(self, data_dir: Path) -> None:
        """Replace the identity in a data folder, in one step.

        Raises:
            IdentityError: It cannot be written.
        """
        content = {
            "device_id": self.device_id,
            "server_url": self.server_url,
            "private_key": base64.b64encode(self.private_key.private_bytes_raw()).decode("ascii"),
            "server_key": base64.b64encode(self.server_key.public_bytes_raw()).decode("ascii"),
        }
        write_private(data_dir / FILE_NAME, json.dumps(content, indent=1) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read: a power cut leaves the old one or the new one.

    Raises:
        IdentityError: It cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise IdentityError(
            f"{path}: cannot be written ({error.strerror}): choose another --data, or correct its owner"
        ) from error


def fingerprint(key: Ed25519PublicKey) -> str:
    """A short name of a key, to be compared by eye; the server's page shows the same."""
    digest = hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
    return " ".join(digest[start : start + 4] for start in range(0, 16, 4))

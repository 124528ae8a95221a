"""Which configuration of each camera is in force: the folder's file, or what an admin wrote at the server.

The server's word counts. A file of the folder is sent whenever it changed; the server takes it as the newest version,
unless an admin has written one. What the server has in force is fetched and kept in the data folder, so that a restart
without a network watches by the same rules.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from contract.config_loader import LoadedCamera, LoadedConfig, config_version, load_camera, load_config_dir
from contract.issues import ConfigIssue
from contract.messages import Text

log = logging.getLogger(__name__)

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class ConfigStore:
    """The configuration folder, and what the server said about it.

    Args:
        config_dir: site.yaml and cameras/*.yaml; never written.
        data_dir: Keeps the server's versions.
    """

    def __init__(self, config_dir: Path, data_dir: Path) -> None:
        self._config_dir = config_dir
        self._pulled_dir = data_dir / "pulled"
        self._state_file = data_dir / "sent_configs.json"
        self._sent = self._read_state()
        """Camera id to the version of its file when the server last got it."""
        self._files: Mapping[str, LoadedCamera] = {}
        self.refusals: dict[str, str] = {}
        """Camera id to why the server's version cannot be put in force."""

    def load(self) -> LoadedConfig:
        """Read the folder, with the server's versions in the place of its files, and cameras that an admin added."""
        loaded = load_config_dir(self._config_dir)
        self._files = loaded.cameras
        cameras = dict(loaded.cameras)
        for path in sorted(self._pulled_dir.glob("*.yaml")):
            camera_id = path.stem
            if self._is_to_send(camera_id):
                continue
            newer, errors = self._check(camera_id, path.read_text("utf-8"), path, loaded)
            if newer is None:
                log.error("pulled_config_refused camera=%s in_force=file errors=%r", camera_id, _told(errors))
                self.refusals[camera_id] = f"the server's version was refused, the file is in force: {_told(errors)}"
            else:
                cameras[camera_id] = newer
        return replace(loaded, cameras=cameras)

    def _is_to_send(self, camera_id: str) -> bool:
        file = self._files.get(camera_id)
        return file is not None and self._sent.get(camera_id) != file.version

    def to_send(self) -> list[LoadedCamera]:
        """Files that the server has not got yet."""
        return [file for camera_id, file in self._files.items() if self._is_to_send(camera_id)]

    def was_sent(self, camera: LoadedCamera) -> None:
        """The server knows this file's text: from now on what it has in force counts."""
        camera_id = camera.config.camera.id
        self._sent[camera_id] = camera.version
        _write(self._state_file, json.dumps(self._sent, indent=1, sort_keys=True))

    def take(self, texts: Mapping[str, str], in_force: LoadedConfig) -> LoadedConfig:
        """Put the server's versions in force, each only when it is valid; the last good one stays otherwise.

        Args:
            texts: Camera id to YAML, as the server has it.
            in_force: What is in force now.
        """
        cameras = dict(in_force.cameras)
        self.refusals = {}
        for camera_id in self._files.keys() - texts.keys():
            self._sent.pop(camera_id, None)  # another server, or a restored one: tell it again
        for camera_id in cameras.keys() - self._files.keys() - texts.keys():
            log.info("pulled_config_gone camera=%s", camera_id)
            self._pulled(camera_id).unlink(missing_ok=True)
            del cameras[camera_id]
        for camera_id, text in texts.items():
            current = cameras.get(camera_id)
            if self._is_to_send(camera_id) or (current is not None and current.version == config_version(text)):
                continue
            newer, errors = self._check(camera_id, text, self._pulled(camera_id), in_force)
            if newer is None:
                log.error("pulled_config_refused camera=%s in_force=last_good errors=%r", camera_id, _told(errors))
                self.refusals[camera_id] = f"the server's version was refused, the last good one stays: {_told(errors)}"
                continue
            _write(newer.path, text)
            cameras[camera_id] = newer
            log.info("pulled_config camera=%s version=%s", camera_id, newer.version)
        return replace(in_force, cameras=cameras)

    def _pulled(self, camera_id: str) -> Path:
        return self._pulled_dir / f"{camera_id}.yaml"

    @staticmethod
    def _check(
        camera_id: str, text: str, path: Path, loaded: LoadedConfig
    ) -> tuple[LoadedCamera | None, tuple[ConfigIssue, ...]]:
        if not _ID.fullmatch(camera_id):  # becomes a file name
            what, remedy = Text("{id!r} is no id", id=camera_id), Text("use a-z, 0-9, - and _")
            return None, (ConfigIssue(str(path.parent), 1, "camera.id", what, remedy),)
        result = load_camera(text, str(path), loaded.site, camera_id)
        if result.config is None:
            return None, result.errors
        return LoadedCamera(result.config, text, path, config_version(text)), ()

    def _read_state(self) -> dict[str, str]:
        try:
            state = json.loads(self._state_file.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            log.warning(
                "state_unreadable file=%s cause=%r: every camera file is sent again", self._state_file, str(error)
            )
            return {}
        return {str(key): str(value) for key, value in state.items()} if isinstance(state, dict) else {}


def _told(errors: tuple[ConfigIssue, ...]) -> str:
    return "; ".join(str(error) for error in errors)


def _write(path: Path, text: str) -> None:
    """Replace a file in one step: a power cut leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)

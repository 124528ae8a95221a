"""Secrets come from environment and file, and stay out of every message."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from edge.logs import OneLineFormatter
from edge.settings import EdgeSettings, SettingsError, read_secrets


def test_only_our_variables_are_read_and_the_file_wins(tmp_path: Path) -> None:
    env_file = tmp_path / "secrets.env"
    env_file.write_text(
        "# camera\n\nLANGAN_CAM_USER=viewer\nexport LANGAN_CAM_PASSWORD = 'p@ss = w0rd#'\nLANGAN_EMPTY=\n", "utf-8"
    )
    secrets = read_secrets({"HOME": "/root", "LANGAN_CAM_USER": "other", "LANGAN_X": "1"}, env_file)
    assert secrets == {
        "LANGAN_CAM_USER": "viewer",
        "LANGAN_CAM_PASSWORD": "p@ss = w0rd#",
        "LANGAN_EMPTY": "",
        "LANGAN_X": "1",
    }


def test_every_wrong_line_is_named_and_none_is_repeated(tmp_path: Path) -> None:
    env_file = tmp_path / "secrets.env"
    env_file.write_text("LANGAN_A=1\nhunter2\nPASSWORD=hunter3\n", "utf-8")
    with pytest.raises(SettingsError) as caught:
        read_secrets({}, env_file)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{env_file}:2: ")
    assert second.startswith(f"{env_file}:3: PASSWORD does not begin with LANGAN_")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read"), (b"\xff\xfe", "UTF-8"), (b"#" * 70_000, "larger")]
)
def test_an_unusable_file_names_the_remedy(tmp_path: Path, content: bytes | None, reason: str) -> None:
    env_file = tmp_path / "secrets.env"
    if content is not None:
        env_file.write_bytes(content)
    with pytest.raises(SettingsError, match=reason):
        read_secrets({}, env_file)


def test_settings_never_show_secrets() -> None:
    settings = EdgeSettings(Path("c"), Path("d"), Path("m"), {"LANGAN_CAM_PASSWORD": "very-secret"})
    assert settings.secret_values == ["very-secret"]
    assert "very-secret" not in repr(settings)


def test_a_log_entry_is_one_line_and_holds_no_secret() -> None:
    formatter = OneLineFormatter(["hunter22", "ab"])
    record = logging.LogRecord(
        "edge", logging.ERROR, __file__, 1, "camera %s failed with hunter22", ("a\nFORGED\x1b[31m ab",), None
    )
    text = formatter.format(record)
    assert "\n" not in text
    assert "\x1b" not in text
    assert "hunter22" not in text
    assert "a\\nFORGED\\x1b[31m ab failed with ***" in text

"""Key files: what is accepted, and what is said of those that are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twinboot.adapters import keys
from twinboot.errors import ResourceError


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_generated_key_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "heartbeat.key"
    key = keys.generate(path)
    assert len(key) == keys.KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.read(path) == key


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k"
    first = keys.generate(path)
    with pytest.raises(ResourceError, match="already"):
        keys.generate(path)
    assert keys.read(path) == first


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        ("00" * 15, 0o600, "15 bytes"),
        ("", 0o600, "0 bytes"),
        ("secret passphrase", 0o600, "hexadecimal"),
        ("00" * 32, 0o644, "chmod 600"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, mode: int, says: str) -> None:
    with pytest.raises(ResourceError, match=says):
        keys.read(write(tmp_path / "k", text, mode))


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="--make-key"):
        keys.read(tmp_path / "k")


def test_trailing_newline_and_group_reading_are_fine(tmp_path: Path) -> None:
    assert keys.read(write(tmp_path / "k", "ab" * 16 + "\n", 0o640)) == b"\xab" * 16


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "says"),
    [
        (0, 0, 0o600, ""), (0, 0, 0o640, ""), (0, 1000, 0o600, ""),
        (0, 1000, 0o640, "group 1000"), (1000, 1000, 0o600, "user 1000"), (1000, 0, 0o400, "user 1000"),
    ],
)  # fmt: skip
def test_whoever_besides_root_has_a_key_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, gid: int, mode: int, says: str
) -> None:
    path = write(tmp_path / "k", "00" * 32, mode)
    state = list(path.stat())
    state[4:6] = uid, gid  # as os.stat_result has them: chown(2) is root's alone
    monkeypatch.setattr(Path, "stat", lambda _self, **_: os.stat_result(state))
    said = keys.other_reader(path)
    assert (says in said, bool(said)) == (True, bool(says))

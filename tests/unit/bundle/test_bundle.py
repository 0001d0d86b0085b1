"""Bundles and backups: read as they were made, or refused with one clear reason; tokens of invitations."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.bundle import certificate, sealed
from twinboot.bundle.invitation import Invitation, TokenError, read_token
from twinboot.bundle.parts import FORM, MANIFEST, Bundle, BundleError, Part, pack, unpack

SECRET = b"hash-of-a-password"
BUNDLE = Bundle({"server": "server1"}, {"config/secrets/a": Part(SECRET, 0o600), "leases": Part(b"", 0o640)})
PHRASE = "correct horse"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "SCRYPT", {"n": 1 << 4, "r": 8, "p": 1})


def backup() -> bytes:
    return sealed.seal(pack(BUNDLE), PHRASE, {"server": "server1", "made": "today"})


def test_what_was_sealed_is_read_again_and_shows_no_secret() -> None:
    made = backup()
    assert unpack(sealed.unseal(made, PHRASE)) == BUNDLE
    assert sealed.told_of(made)["server"] == "server1"
    assert SECRET not in made
    assert gzip.compress(SECRET)[10:20] not in made
    assert backup() != made, "another salt and nonce each time"


def test_a_wrong_passphrase_is_told_from_a_broken_file() -> None:
    with pytest.raises(sealed.PassphraseError):
        sealed.unseal(backup(), "another horse")


@pytest.mark.parametrize(("broken", "why"), [
    (lambda made: b"", "is empty"),
    (lambda made: b"PK\x03\x04" + made, "no backup of Twinboot"),
    (lambda made: made[:12], "no backup of Twinboot"),
    (lambda made: made[:17], "cut off in its first line"),
    (lambda made: made[:60], "cut off in its second line"),
    (lambda made: made[:-1], "cut off: "),
    (lambda made: made + b"x", "longer than it was"),
    (lambda made: made[:-9] + bytes([made[-9] ^ 1]) + made[-8:], "was altered"),
    (lambda made: made.replace(b"today", b"later"), "was altered"),
    (lambda made: made.replace(b"twinboot-backup 1", b"twinboot-backup 2"), "newer release"),
])  # fmt: skip
def test_each_broken_file_has_its_own_line(broken: object, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        sealed.unseal(broken(backup()), PHRASE)  # type: ignore[operator]


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_no_altered_byte_passes(at: int, flip: int) -> None:
    made = bytearray(backup())
    made[at % len(made)] ^= flip
    with pytest.raises((BundleError, sealed.PassphraseError)):
        sealed.unseal(bytes(made), PHRASE)


def forged(members: dict[str, bytes], manifest: object = None) -> bytes:
    parts = {name: {"bytes": 1, "sha256": "00"} for name in members}
    said = {"form": FORM, "told": {}, "parts": parts} if manifest is None else manifest
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in {MANIFEST: json.dumps(said).encode(), **members}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(("data", "why"), [
    (b"", "damaged inside"), (b"x" * 100, "damaged inside"), (pack(BUNDLE)[:-30], "damaged inside"),
    (forged({"a": b"x"}), "not as its manifest says"), (forged({"../a": b"x"}), "cannot be a part"),
    (forged({"/etc/passwd": b"x"}), "cannot be a part"), (forged({}, [1]), "damaged inside"),
    (forged({}, {"form": 1, "told": {}, "parts": {"a": {}}}), "lacks a"),
    (forged({}, {"form": 9, "told": {}, "parts": {}}), "newer release"),
    (forged({"a": b"x"}, {"form": 1, "told": {}, "parts": {}}), "not in its manifest"),
])  # fmt: skip
def test_what_is_no_bundle_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BundleError, match=why):
        unpack(data)


INVITATION = Invitation(
    addresses=(IPv4Address("10.0.0.1"), IPv4Address("192.168.0.251")), port=694, ends=1_800_000_000,
    secret=bytes(range(16)), fingerprint=bytes(range(32)),
)  # fmt: skip


def test_a_token_is_read_as_it_was_printed() -> None:
    assert read_token(f" {INVITATION.token()}\n") == INVITATION


@given(st.data())
def test_a_mistyped_token_is_refused(data: st.DataObject) -> None:
    token = INVITATION.token()
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("abcXYZ019-_ ,\u00e4"))
    mistyped = token[:at] + other + token[at + 1:]
    for text in (mistyped, token[:at]):
        if text.strip() != token:
            with pytest.raises(TokenError):
                read_token(text)


def test_a_certificate_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    _, first = certificate.make_certificate(tmp_path, "server1")
    _, second = certificate.make_certificate(tmp_path, "server1")
    assert len(first) == 32
    assert first != second
    assert list(tmp_path.iterdir()) == [], "its key stays in memory"

"""Files of root's password: `check` finds all that an installer, or `render`, would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from twinboot.render import check_secrets, render
from twinboot.site import SiteError, load

EXAMPLE = Path(__file__).parents[3] / "config/examples/parity.yaml"
FILE = "secrets/root.hash"
S43, S86, S22, S53 = "a" * 43, "b" * 86, "c" * 22, "d" * 53
WHOLE = (
    f"$6$saltsalt${S86}", f"$6$rounds=5000$salt${S86}", f"$5$salt${S43}", f"$1$salt${S22}",
    f"$2b$12${S53}", f"$y$j9T$salt${S43}", f"$6$s-l_t${S86}", f"$sha1$40000$jtNX3nZ2${'e' * 28}",
)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    text = EXAMPLE.read_text().replace("method: ftp", f"rootpw_file: {FILE}")
    (tmp_path / "site.yaml").write_text(text)
    (tmp_path / "secrets").mkdir()
    return tmp_path


def remedies(config: Path) -> list[str]:
    site = load(config / "site.yaml")
    found = check_secrets(site, config)
    assert {fault.path for fault in found} <= {"profiles.rh9.rootpw_file"}
    return [fault.remedy for fault in found]


@pytest.mark.parametrize("line", WHOLE)
@pytest.mark.parametrize("ends", ["", "\n", "\r\n", "\n\n"])
def test_a_hash_is_good(config: Path, line: str, ends: str) -> None:
    (config / FILE).write_bytes(f"{line}{ends}".encode())
    assert remedies(config) == []


def test_a_file_that_is_not_there(config: Path) -> None:
    [remedy] = remedies(config)
    assert "no such file" in remedy
    assert remedy.endswith(f"openssl passwd -6 >config/{FILE}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"), ("\n \n", "is empty"),
        (f"{WHOLE[0]}\n{WHOLE[1]}\n", "has 2 lines"), (f"# root's\n{WHOLE[0]}\n", "has 2 lines"),
        ("ab01FAX.bQRSU\n", "DES"), ("_J9..rasmBYk8r9AiWNc\n", "DES"),
        ("letmein\n", "no password hash"), (f"root:{WHOLE[0]}\n", "no password hash"),
        (f"rootpw {WHOLE[0]}\n", "no password hash"), ("!\n", "no password hash"),
        (f"$6$salt${S86[1:]}\n", "not whole"), ("$6$\n", "no password hash"), ("$6$salt$\n", "not whole"),
        ("saltsalt$" + S86, "no password hash"), ("$6$\u00e9$x\n", "no password hash"),
    ],
)  # fmt: skip
def test_what_is_no_hash_is_told_with_the_command(config: Path, text: str, says: str) -> None:
    (config / FILE).write_text(text, encoding="utf-8")
    [remedy] = remedies(config)
    assert says in remedy
    assert f": openssl passwd -6 >config/{FILE}" in remedy
    assert "letmein" not in remedy


def test_bytes_that_are_no_text_are_a_fault_and_no_crash(config: Path) -> None:
    (config / FILE).write_bytes(b"\xff\xfe$6$")
    site = load(config / "site.yaml")
    assert len(check_secrets(site, config)) == 1


@pytest.mark.parametrize("text", [None, "", "letmein", "ab01FAX.bQRSU", f"{WHOLE[0]}\n{WHOLE[1]}"])
def test_what_render_refuses_check_has_found(config: Path, text: str | None) -> None:
    site = load(config / "site.yaml")
    secrets = {} if text is None else {FILE: text}
    if text is not None:
        (config / FILE).write_text(text)
    with pytest.raises(SiteError):
        render(site, "server1", secrets=secrets, templates=[EXAMPLE.parents[1] / "templates"])
    assert remedies(config)

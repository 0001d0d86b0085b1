"""Comments and docstrings name what exists, modules, classes, constants and files, and can be read alone.

A name that a rename has left behind sends its reader searching. Looked at are words that can hardly be
anything else: dotted names that begin with a package or module of ours, files with the suffix of a program,
and CamelCase or CAPITAL_NAMES, which code, a string or another file that is no document must name as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "twinboot": ROOT / "images/sidecar/twinboot",
    "twinboot_page": ROOT / "images/page/twinboot_page",
    "twinlab": ROOT / "scripts/twinlab",
}
FOLDERS = ("compose", "config", "images", "scripts", "tests", ".ci", ".github")
OF_OTHERS = {"ChainMap", "DebianRepository", "GitHub", "NoCloud", "SignedData"}
"""In CamelCase, and neither ours nor named in code."""
FILES_OF_OTHERS = {"cmdlist.py", "kernel-cmdline-conf.sh", "preseed.sh", "url-lib.sh"}
"""Of subiquity, Agama, debian-installer and dracut."""
FILES = (".py", ".sh", ".json", ".yaml", ".j2")
HERE = Path("images/sidecar/twinboot/takeover/logic/any.py")
_CONSTANT_OF_THE_SYSTEM = re.compile(
    r"(CLOCK|EX|IP|IPCTNL|NFNL|NFNLGRP|NLA|NLM|PACKET|PORT|RESOLVE|SK|SO|TC|TCP)_")
_DOTTED = re.compile(r"(?<![\w./@-])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?![\w/-])")
_TRIPLE_QUOTED = re.compile(r'(?ms)(^ *)?"""(.*?)"""')
_COMMENT = re.compile(r"(?m)(^|\s)# ?(.*)$")
_FILE = re.compile(r"[\w/.-]*\w+\.(?:py|sh)\b")
_CAMEL = re.compile(r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\b")
_CAPITALS = re.compile(r"\b_?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


@dataclass(frozen=True)
class Source:
    """One file: what its comments and docstrings say, by line, and the rest."""

    prose: list[tuple[int, str]]
    code: str


def read(text: str, *, python: bool) -> Source:
    prose: list[tuple[int, str]] = []

    def take(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]  # a string that is used
        prose.append((text.count("\n", 0, found.start(2)) + 1, found[2]))
        return "\n" * found[0].count("\n")

    for pattern in (_TRIPLE_QUOTED, _COMMENT) if python else (_COMMENT,):
        text = pattern.sub(take, text)
    return Source(prose, text)


@cache
def sources() -> Mapping[Path, Source]:
    """Every file of the project that is no document, by its path below the root."""
    found = {}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        if path.suffix in (".md", ".pyc") or path == Path(__file__) or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        script = text.partition("\n")[0] if text.startswith("#!") else ""
        if path.suffix in (".py", ".sh") or script:
            found[path.relative_to(ROOT)] = read(text, python=path.suffix == ".py" or "python" in script)
        else:
            found[path.relative_to(ROOT)] = Source([], text)
    return found


@cache
def named() -> frozenset[str]:
    """Every word of the code and of the other files."""
    return frozenset(word for source in sources().values() for word in re.findall(r"\w+", source.code))


@cache
def dhcpd_names() -> frozenset[str]:
    """The options and classes that dhcpd.conf knows as twinboot.NAME."""
    text = "\n".join(source.code for path, source in sources().items() if "isc" in path.parts)
    return frozenset(re.findall(r"(?<!from )(?<!import )\btwinboot\.(\w+)", text))


@cache
def inside(module: Path, inner: str = "") -> frozenset[str]:
    """What a module, or a class in it, names. A class that is none of this module names nothing."""
    code = sources()[module.relative_to(ROOT)].code
    if inner:
        found = re.search(rf"(?ms)^class {inner}\b.*?(?=^\S|\Z)", code)
        code = found[0] if found else ""
    return frozenset(re.findall(r"\w+", code))


def leads_somewhere(name: str, folder: Path) -> bool:
    """Whether folder.NAME is a package, a module, or something that one of them holds."""
    parts = name.split(".")
    while parts and (folder / parts[0]).is_dir():
        folder, parts = folder / parts[0], parts[1:]
    if parts and (folder / f"{parts[0]}.py").is_file():
        module, parts = folder / f"{parts[0]}.py", parts[1:]
    else:
        module = folder / "__init__.py"
    if not parts:
        return True
    if not module.is_file() or parts[0] not in inside(module):
        return False
    return len(parts) == 1 or not inside(module, parts[0]) or parts[1] in inside(module, parts[0])


def begins_with_ours(name: str, folder: Path) -> bool:
    first = name.split(".")[0]
    return (folder / first).is_dir() or (folder / f"{first}.py").is_file()


def lost_dotted(text: str, path: Path) -> Iterator[str]:
    """Dotted names that begin with a package or module of ours and lead nowhere. NAME stands for any."""
    around = [PACKAGES[part] for part in PACKAGES if (ROOT / path).is_relative_to(PACKAGES[part])]
    for name in _DOTTED.findall(text):
        first, _, rest = name.partition(".")
        folders = [*around, (ROOT / path).parent]
        if first in PACKAGES:
            name, folders = rest, [PACKAGES[first]]
        elif not around:
            folders += PACKAGES.values()
        near = folders[:len(around) + 1]
        ours = first in PACKAGES or any(begins_with_ours(name, folder) for folder in near)
        in_dhcpd = first == "twinboot" and rest in dhcpd_names()
        if not ours or "NAME" in name or in_dhcpd or name.endswith(FILES):
            continue
        if not any(leads_somewhere(name, folder) for folder in folders):
            yield f"{first}.{rest}"


def lost_files(text: str) -> Iterator[str]:
    for name in _FILE.findall(text):
        name = name.lstrip("./")
        if Path(name).name not in FILES_OF_OTHERS and not any(
                f"/{path}".endswith(f"/{name}") for path in sources()):
            yield name


def lost_words(text: str, *, capitals: bool) -> Iterator[str]:
    for name in _CAMEL.findall(text):
        if name not in named() and name not in OF_OTHERS:
            yield name
    for name in _CAPITALS.findall(text) if capitals else ():
        if name not in named() and not _CONSTANT_OF_THE_SYSTEM.match(name):
            yield name


def lost(text: str, path: Path) -> list[str]:
    ours = any((ROOT / path).is_relative_to(package) for package in PACKAGES.values())
    return [*lost_dotted(text, path), *lost_files(text), *lost_words(text, capitals=ours)]


@pytest.mark.parametrize("folder", FOLDERS)
def test_comments_name_what_exists(folder: str) -> None:
    found = [f"{path}:{line}: {name}" for path, source in sources().items() if path.parts[0] == folder
             for line, text in source.prose for name in lost(text, path)]
    assert found == []


@pytest.mark.parametrize("folder", ["images", "scripts"])
def test_a_docstring_can_be_read_alone(folder: str) -> None:
    """`Of the newest one.` leaves the reader to find out what of it is returned, done or counted."""
    found = [f"{path}:{line}: {text}" for path, source in sources().items() if path.parts[0] == folder
             for line, text in source.prose if re.match(r"\s*Of ", text)]
    assert found == []


@pytest.mark.parametrize("text", [
    "adapters.udp.UdpLink, or a stand-in", "see rollout.hosts", "agent.takeover.moves.Moves.summary()",
    "twinboot.nowhere", "agent/machines/log_files.py", "NotUnderstood otherwise", "over PLAIN_BYTES",
    "record.Record",
])
def test_a_name_that_is_gone_is_found(text: str) -> None:
    assert lost(text, HERE)


@pytest.mark.parametrize("text", [
    "adapters.links.udp.UdpLink", "`twinboot.agent.rollout.hosts`", "takeover.logic.record.ConnectionRecord",
    "agent.takeover.moves.TakeoverMoves.summary()", "site.yaml", "servers.NAME.links", "logs/log_files.py",
    "NLA_F_NESTED (netlink(7))", "record.ConnectionRecord", "i.e. this",
])
def test_a_name_that_is_there_is_not(text: str) -> None:
    assert lost(text, HERE) == []


def test_a_string_that_is_used_is_no_comment() -> None:
    source = read('"""Says.\n\nMore."""\nX = """\nused\n"""  # why\n', python=True)
    assert source.prose == [(1, "Says.\n\nMore."), (6, "why")]
    assert "used" in source.code

"""Preseed files read as debian-installer's debconf reads them, and its script run on a machine to be.

Source: debconf-set-selections(1).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kickstart_pre import Machine
from rendering import rendered
from twinboot.render import Rendered
from twinboot.site import Site, parse

SITE = Path(__file__).parent / "sites" / "preseed.yaml"
TYPES = frozenset({"string", "boolean", "select", "multiselect", "password", "note", "text", "error"})


@dataclass(frozen=True)
class Answer:
    owner: str
    question: str
    type: str
    value: str


def answers_in(text: str) -> list[Answer]:
    """Every answer of a file, in order; AssertionError where debconf would refuse a line or take it for
    another."""
    found = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        assert not line.endswith("\\"), line
        owner, question, kind, *rest = line.split(" ", 3)
        value = rest[0] if rest else ""
        assert kind in TYPES, line
        assert "/" in question, line
        assert kind != "boolean" or value in ("true", "false"), line
        found.append(Answer(owner, question, kind, value))
    return found


def told(text: str) -> dict[str, str]:
    """What each question is answered with in the end: the last line counts."""
    return {one.question: one.value for one in answers_in(text)}


def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(SITE.read_text())
    return read


def debian(profile: str = "trixie", **values: Any) -> Site:
    """The example site with a bare profile in the place of this one."""
    changed = document()
    version = changed["profiles"][profile]["version"]
    changed["profiles"][profile] = {
        "tree": profile, "installer": "preseed", "version": version, **values
    }  # fmt: skip
    return parse(changed)


def file_of(files: Rendered, name: str, file: str = "preseed.cfg") -> str:
    """Wherever it is published: those with hashes once for each address that reads them."""
    return next(text for path, text in files.pub.items() if path.endswith(f"answers/preseed/{name}/{file}"))


def of(site: Site, name: str = "odd", file: str = "preseed.cfg", **options: Any) -> str:
    return file_of(rendered(site, **options), name, file)


CONFMODULE = """\
db_set() { echo "$1=$2" >>TOP/debconf; }
db_fset() { :; }
"""


@dataclass
class Installer:
    """debian-installer on a machine to be: its folders are below the machine's, its programs in our PATH."""

    machine: Machine

    def __post_init__(self) -> None:
        top = self.machine.top
        for folder in ("bin", "tmp", "target/root", "etc/network", "usr/share/debconf", "dev"):
            (top / folder).mkdir(parents=True, exist_ok=True)
        (top / "usr/share/debconf/confmodule").write_text(CONFMODULE.replace("TOP", str(top)))
        self.program("parted_devices", "printf '/dev/sdq\\t1\\tother\\n/dev/sdz\\t1\\town\\n'")
        self.program("readlink", 'echo "$2"')
        self.program("dd", 'echo "$*" >>TOP/erased')
        self.program("blockdev", ":")
        self.program("logger", ":")
        self.answer("go")
        self.program("in-target", 'shift 2; echo "$1" >>TOP/in-target; cp -r TOP/target/root TOP/seen')

    def answer(self, line: str) -> None:
        """What install servers say to whatever is asked of them; the questions are noted."""
        self.program("curl", f'for url; do :; done\necho "$url" >>TOP/asked\necho "{line}"')

    def program(self, name: str, text: str) -> None:
        path = self.machine.top / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n".replace("TOP", str(self.machine.top)))
        path.chmod(0o755)

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The script as the installer runs it: first without words. It waits for nobody: hold() ends it."""
        top = self.machine.top
        moved = self.machine.moved(script).replace("[ ! -b ", "[ -z ").replace(
            "while :; do sleep 60; done", "exit 7"
        )
        for place in ("/bin/twinboot", "/bin/parted_devices", "/lib/partman", "/usr/lib/", "/usr/share/",
                      "/target/", "/etc/", "/tmp/twinboot"):
            moved = moved.replace(f" {place}", f" {top}{place}").replace(f'"{place}', f'"{top}{place}')
            moved = moved.replace(f">{place}", f">{top}{place}").replace(f"\\n{place}", f"\\n{top}{place}")
        path = top / "tmp/debconf-seed"
        path.write_text(moved)
        return subprocess.run(
            ["sh", str(path), *words], capture_output=True, text=True, timeout=30,
            env={"PATH": f"{top}/bin:/usr/bin:/bin"},
        )  # fmt: skip

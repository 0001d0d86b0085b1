"""The health check of the TFTP image: it asks for a published file, whichever boot loader that is for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "images" / "tftp" / "healthcheck.sh"
BUSYBOX = """#!/bin/sh
[ "$1 $2 $3 $4 $5 $7 $8 $9" = "tftp -g -b 1468 -r -l - 127.0.0.1" ] || exit 9
echo "$6" >>asked
cat "$6"
"""
CMP = """#!/bin/sh
[ "$1 $2" = "-s -" ] || exit 9
[ "$(cat)" = "$(cat "$3")" ]
"""


class Served:
    """What an image has at the root of TFTP, with stand-ins for its programs."""

    def __init__(self, top: Path) -> None:
        self.root = top / "srv"
        self.published = self.root / "site/current/tftp"
        self.published.mkdir(parents=True)
        (self.root / "boot").symlink_to("site/current/tftp")
        (top / "bin").mkdir()
        self.client = top / "bin/busybox"
        for name, text in (("busybox", BUSYBOX), ("cmp", CMP)):
            (top / "bin" / name).write_text(text)
            (top / "bin" / name).chmod(0o755)
        self.script = top / "healthcheck.sh"
        self.script.write_text(SCRIPT.read_text().replace("/srv/tftp", str(self.root)))

    def publish(self, path: str, size: int) -> None:
        place = self.published / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x" * size)

    def check(self) -> tuple[int, str]:
        env = {**os.environ, "PATH": f"{self.client.parent}:{os.environ['PATH']}"}
        done = subprocess.run(
            ("sh", str(self.script)), env=env, capture_output=True, text=True, check=False, timeout=30
        )
        return done.returncode, done.stdout

    def asked(self) -> list[str]:
        return (self.root / "asked").read_text().split()


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.mark.parametrize("path", ["pxelinux.cfg/default", "toyboot.cfg", "toy/deep/menu"])
def test_any_boot_file_that_comes_is_health(served: Served, path: str) -> None:
    served.publish("a/shimx64.efi", 200_000)
    served.publish(path, 100)
    assert served.check() == (0, "")
    assert served.asked() == [f"boot/{path}"], "not the big one"


def test_a_big_file_is_asked_for_where_there_is_no_other(served: Served) -> None:
    served.publish("loaders/x.efi", 200_000)
    assert served.check() == (0, "")


def test_nothing_that_is_published_or_another_text_is_no_health(served: Served) -> None:
    (served.published / "pxelinux.cfg").mkdir()
    assert served.check() == (1, "no boot files are published\n")
    served.publish("toyboot.cfg", 100)
    served.client.write_text("#!/bin/sh\necho another text\n")
    assert served.check() == (1, "boot/toyboot.cfg does not come over TFTP\n")

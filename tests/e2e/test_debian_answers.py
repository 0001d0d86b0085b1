"""What Debian's own programs say of the answers: debconf, the installer's questions and its shell.

The installer's initrd as an image (tests/debian, target `installer-root`), with the questions of the
components that it would load. Debian's debconf is the base image's.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from kickstart_pre import Machine
from preseeding import answers_in, debian, document, of
from rendering import rendered
from twinboot.installers.preseed.releases import NAMES, Release
from twinboot.site import parse
from twinlab.host.labsite import ROOT

pytestmark = pytest.mark.long
IMAGE = "twinboot-test/debian-installer-root"
OTHERS = {
    "tasksel/first": "multiselect", "popularity-contest/participate": "boolean", "time/zone": "string",
    "partman-lvm/confirm": "boolean", "partman-lvm/device_remove_lvm": "boolean",
    "partman-md/confirm": "boolean", "partman-md/device_remove_md": "boolean",
    "cdrom-detect/eject": "boolean",
}  # fmt: skip
"""Questions of the new system's packages (tasksel-data, popularity-contest), one that the installation
guide answers by another type than its template has, and those of components that the small tree has not."""
REGISTERED = re.compile(r"apt-setup/local\d/(repository|comment|source)|partman-(lvm|md)/confirm_nooverwrite")
"""What scripts of the installer ask for without a template: apt-setup's 60local, partman."""


def docker(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *words], input=text, capture_output=True, text=True, timeout=300)


def base() -> str:
    """The image that all others are made from."""
    return dict(re.findall(r"^(\w+)=(\S+)$", (ROOT / "images/versions.env").read_text(), re.M))["BASE"]


@pytest.fixture(scope="module")
def installer() -> str:
    """The image's name."""
    done = subprocess.run(
        ["docker", "build", "--quiet", "--build-arg", f"BASE={base()}", "--target", "installer-root",
         "--tag", IMAGE, str(ROOT / "tests/debian")], capture_output=True, text=True, timeout=3000,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return IMAGE


def files() -> dict[str, str]:
    """By path: of the example, and of the bare profile of each release."""
    found = dict(rendered(parse(document())).pub)
    for profile in ("trixie", "bookworm", "bullseye"):
        found |= {f"{path}-bare": text for path, text in rendered(debian(profile)).pub.items()}
    return {path: text for path, text in found.items() if "/preseed.cfg" in path}


def test_debconf_takes_every_file() -> None:
    check = ("run", "--rm", "-i", "--network", "none", base(), "debconf-set-selections", "--checkonly")
    together = "".join(files().values())
    done = docker(*check, text=together)
    assert (done.returncode, done.stderr) == (0, "")
    assert docker(*check, text=together + "\nd-i x\n").stderr != "", "it can say no"


def test_every_question_is_one_of_the_installers_and_of_its_type(installer: str) -> None:
    ask = "cat /var/lib/dpkg/info/*.templates /twinboot.templates"
    said = docker("run", "--rm", "--network", "none", installer, "sh", "-c", ask).stdout
    questions = dict(re.findall(r"^Template: (\S+)\nType: (\S+)", said, re.M)) | OTHERS
    assert len(questions) > 500
    answers = {one for text in files().values() for one in answers_in(text)}
    wrong = {(one.question, one.type) for one in answers if questions.get(one.question) != one.type}
    assert {one for one in wrong if not REGISTERED.fullmatch(one[0])} == set()


@pytest.mark.parametrize(("disks", "chosen"), [("first", "sdz"), ("smallest", "sdx"), ("largest", "sdy")])
def test_the_installers_own_shell_chooses_the_disk(
    installer: str, tmp_path: Path, disks: str, chosen: str
) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", "pci0000:00/0000:00:02.0/host1/rport-1:0-2/target1:0:0/1:0:0:0", 1)
    for name, port, gib in (("sdz", 2, 30), ("sdx", 10, 20), ("sdy", 3, 40)):
        machine.disk(name, f"pci0000:00/0000:00:1f.2/ata{port}/host{20 - port}/target0:0:0/0:0:0:0", gib)
    script = tmp_path / "machine/twinboot.sh"
    script.write_text(of(debian(disks=disks), "trixie-first", "twinboot.sh"))
    top = tmp_path / "machine"
    done = docker(
        "run", "--rm", "--network", "none", "-v", f"{top}:{top}:ro", "-v", f"{top}/sys/block:/sys/block:ro",
        installer, "sh", "-c", f"set -- choose_disk; . {script}; echo $chosen",
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (chosen, "")


@pytest.mark.parametrize("version", NAMES)
def test_the_installers_own_shell_reads_every_script(installer: str, version: str) -> None:
    codename = Release(version).codename
    for name, site in ((f"{codename}-first", debian(codename)), ("odd", parse(document()))):
        text = of(site, name, "twinboot.sh")
        done = docker("run", "--rm", "-i", "--network", "none", installer, "sh", "-n", text=text)
        assert (done.returncode, done.stderr) == (0, "")

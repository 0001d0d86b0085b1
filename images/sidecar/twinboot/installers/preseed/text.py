"""Lines and packages of an operator's, as debconf and apt take them.

Owns what may be written, and what is said elsewhere already. Sources: debconf-set-selections(1), debconf(7)
(types of questions), Debian Policy 5.6.7 (package names), pkgsel's postinst, tasksel(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...site.faults import Fault

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?")
_TASK = re.compile(r"[a-z0-9][a-z0-9+-]*")
TYPES = ("string", "boolean", "select", "multiselect", "password", "note", "text", "title", "error")
_SAID_ELSEWHERE = {
    "partman-auto/disk": "`disks` of the profile or the host says it",
    "grub-installer/bootdev": "the first one of `disks` gets the boot loader",
    "preseed/run": "Twinboot's own script is run by it; write preseed/early_command or preseed/include",
    "passwd/root-password-crypted": "`rootpw_file` says it",
    "passwd/root-password": "`rootpw_file` names a file with its hash; no password stands in the answers",
    "passwd/user-password": "`users` says it; no password stands in the answers",
}
_TOO_LATE = re.compile(r"(netcfg/(?!target_network_config)|auto-install/|preseed/url|preseed/file|debconf/)")
"""Questions that the installer is done with when it has its answers."""


def package_faults(path: str, packages: tuple[str, ...]) -> Iterator[Fault]:
    """Lines that are neither a package nor a task."""
    for at, line in enumerate(packages):
        if line.startswith("-"):
            remedy = "the installer leaves no package out; remove it, and write `apt-get -y purge` in post"
            yield Fault(f"{path}[{at}]", line, remedy)
        elif not (_TASK.fullmatch(line[1:]) if line.startswith("@") else _PACKAGE.fullmatch(line)):
            remedy = "no package or task; write a name such as vim, or @standard for a task of tasksel"
            yield Fault(f"{path}[{at}]", line, remedy)


def line_faults(path: str, line: str) -> Iterator[Fault]:
    """A line of a profile's own `preseed` that debconf does not take, or that would not work."""
    if line.startswith("#"):
        return
    if line.endswith("\\"):
        yield Fault(path, line, "goes on in the next line; write the whole value in one")
        return
    words = line.split(None, 3)
    if len(words) < 3 or words[2] not in (*TYPES, "seen") or "/" not in words[1]:
        remedy = "write owner, question, type and value, such as: d-i time/zone string Europe/Prague; types: "
        yield Fault(path, line, remedy + ", ".join(TYPES))
    elif words[2] in ("boolean", "seen") and words[3:] not in (["true"], ["false"]):
        yield Fault(path, line, f"{words[2]} takes true or false")
    elif words[1] in _SAID_ELSEWHERE:
        yield Fault(path, line, f"{_SAID_ELSEWHERE[words[1]]}; remove it here")
    elif _TOO_LATE.match(words[1]):
        argument = f"{words[1]}={(words[3:] or ['...'])[0]}"
        yield Fault(path, line, f"is asked before the answers are there; write kernel_args: [{argument}]")

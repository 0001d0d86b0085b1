"""Files for those who talk to BMCs: there, and for the process of power alone to read. None is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot.power.logic.targets import GROUP

from .findings import Finding, fault, ok

if TYPE_CHECKING:
    from twinboot.site import Site

_SUBJECT = "power"
_MAKE = "install -m 0640 -g {group} /dev/stdin config/{name}: type it, Enter, Ctrl-D"


def power_findings(site: Site, config: Path) -> Iterator[Finding]:
    """Checks the files that `power` of hosts, profiles and site names; nothing when no host has one."""
    from twinboot.render.machine_facts import targets_of

    hosts = targets_of(site)
    names = {one.password_file for one in hosts.values()}
    names |= {one.verify for one in hosts.values() if "/" in one.verify}
    wrong = False
    for name in sorted(names):
        for finding in _file(config, name):
            wrong = True
            yield finding
    if hosts and not wrong:
        yield ok(_SUBJECT, f"{len(hosts)} BMCs, {len(names)} files below config/secrets/power")


def _file(config: Path, name: str) -> Iterator[Finding]:
    path, top = config / name, config / "secrets/power"
    try:
        state = path.stat()
    except OSError:
        making = "" if top.is_dir() else f"install -d -m 0750 -g {GROUP} config/secrets/power && "
        yield fault(_SUBJECT, f"{name} is not there", making + _MAKE.format(group=GROUP, name=name))
        return
    if not stat.S_ISREG(state.st_mode) or not path.resolve().is_relative_to(top.resolve()):
        yield fault(_SUBJECT, f"{name} is no file below config/secrets/power", "put the file itself there")
        return
    if not state.st_size:
        yield fault(_SUBJECT, f"{name} is empty", _MAKE.format(group=GROUP, name=name))
    mode = f"{stat.S_IMODE(state.st_mode):04o}"
    mend = f"chgrp {GROUP} config/{name} && chmod 0640 config/{name}"
    if state.st_mode & 0o007:
        yield fault(_SUBJECT, f"{name} has the mode {mode}, so that everyone may read it", mend)
    elif state.st_gid != GROUP or not state.st_mode & 0o040:
        yield fault(_SUBJECT, f"{name} is of group {state.st_gid}, mode {mode}: the process that needs it, "
                    f"of group {GROUP}, cannot read it", mend)  # fmt: skip
    for folder in _folders(path, top):
        inside = folder.stat()
        if not (inside.st_mode & 0o001 or (inside.st_gid == GROUP and inside.st_mode & 0o010)):
            shown = os.path.relpath(folder, config)
            yield fault(_SUBJECT, f"the folder {shown} keeps the group {GROUP} out",
                        f"chgrp {GROUP} config/{shown} && chmod g+x config/{shown}")  # fmt: skip


def _folders(path: Path, top: Path) -> Iterator[Path]:
    """From the file's own up to the one that the process sees as a whole."""
    for folder in path.parents:
        yield folder
        if folder == top:
            return

"""An operator's lines in a kickstart: pykickstart is the judge of what may stand there."""

from __future__ import annotations

from typing import Any

import pytest
from pykickstart.constants import KS_SCRIPT_POST
from pykickstart.errors import KickstartError
from pykickstart.handlers.control import commandMap
from pykickstart.parser import KickstartParser, preprocessFromStringToString
from pykickstart.version import makeVersion, stringToVersion
from rendering import rendered, with_profile
from test_kickstart import parsed
from twinboot.installers.kickstart import releases
from twinboot.installers.kickstart.text import SECTIONS, STORAGE, script_faults
from twinboot.site import SiteError

BEGINNINGS = [
    "%endless",
    "%end",
    "  %end",
    "%end # x",
    "%postinst",
    "%post",
    "\t%post",
    "%post-install",
    "%packages_list",
    "%packages",
    "%prep",
    "%pre",
    "%pre-install",
    "%pre-installer",
    "%include",
    "%included x",
    "%addons",
    "%addon x",
    "%onerrors",
    "%onerror",
    "%tracebacks",
    "%traceback",
    "%certificates",
    "%certificate x",
    "%anaconda",
    "%files",
    "%description",
    "%ksappend http://127.0.0.1:1/x",
    "%ksappending x",
    "%",
    "% end",
    "%%end",
    "x %end",
    "#%end",
]


def survives(script: str, version: str) -> bool:
    """pykickstart: all of the script is one %post section, as it was written."""
    text = f"text\n%packages\n%end\n%post\n{script}%end\n"
    try:
        text = preprocessFromStringToString(text).decode()
        parser = KickstartParser(makeVersion(version), errorsAreFatal=True)
        parser.readKickstartFromString(text)
    except (KickstartError, OSError, ValueError):
        return False
    return [one.script for one in parser.handler.scripts if one.type == KS_SCRIPT_POST] == [script]


@pytest.mark.parametrize("version", ["RHEL6", "RHEL9", "RHEL10", "F45"])
@pytest.mark.parametrize("line", BEGINNINGS)
def test_a_line_of_a_script_is_refused_when_pykickstart_takes_it_for_more(line: str, version: str) -> None:
    script = f"cat >/root/x.spec <<EOF\n{line}\nEOF\n"
    assert (not list(script_faults("post", script))) == survives(script, version)


def test_a_here_document_reaches_the_installer_as_it_is() -> None:
    post = "cat >/root/x.spec <<EOF\n%postinst\n%packages_list\n%prep\nEOF\n"
    handler = parsed(rendered(with_profile(post=post)).pub["ks/rh9-first.ks"], "RHEL9")
    assert [one.script for one in handler.scripts if one.type == KS_SCRIPT_POST] == [post]


def test_every_section_of_pykickstart_is_known() -> None:
    for version in releases.NAMES:
        assert set(KickstartParser(makeVersion(version))._sections) <= SECTIONS


@pytest.mark.parametrize(
    "line",
    [
        "@php:8.2/minimal",
        "@php:8.2",
        "/usr/bin/strace",
        "/usr/bin/*zip",
        "-/usr/bin/vi",
        "perl(Foo::Bar)",
        "@^Server with GUI",
        "@core --nodefaults",
        "-@core",
        "kernel-5.14.0-1.el9.x86_64",
        "glibc.i686",
        "lib[abc]*",
        "$x",
        "vim-~1",
        "@g --optional",
    ],
)
def test_a_package_line_that_pykickstart_takes_is_taken(line: str) -> None:
    handler = parsed(rendered(with_profile(packages=[line])).pub["ks/rh9-first.ks"], "RHEL9")
    found = handler.packages
    told = [*found.packageList, *(f"-{one}" for one in found.excludedList), f"@^{found.environment}"]
    told += [f"@{one.name}" for one in found.groupList]
    assert any(one.split(" --")[0] in (line, line.split(" --")[0]) for one in told) or line.startswith("-@")


@pytest.mark.parametrize(
    "line", ["-", "@", "-@", "@^", "%end", "%x", "vim # editor", "#x", "@x --nodefaults --optional"]
)
def test_a_package_line_that_means_something_else_is_refused(line: str) -> None:
    with pytest.raises(SiteError) as caught:
        with_profile(packages=[line])
    assert [fault.path for fault in caught.value.faults] == ["profiles.rh9.packages[0]"]


@pytest.mark.parametrize("version", releases.NAMES)
def test_storage_commands_are_those_of_pykickstart(version: str) -> None:
    known = commandMap[stringToVersion(version)]
    rhel = releases.Release(version).rhel
    ours = {name for name, since in STORAGE.items() if rhel is None or rhel >= since.rhel}
    assert ours == {name for name in STORAGE if name in known}


GOOD_LINES = [
    "part / --size=4096 --grow",
    "volgroup vg pv.1",
    "logvol / --vgname=vg --size=1 --name=root",
    "raid / --level=1 --device=0 raid.1 raid.2",
    "clearpart --none",
    "zerombr",
    "ignoredisk --drives=sdz",
    "bootloader --location=none",
    "iscsiname iqn.2026-01.lan:x",
    "iscsi --ipaddr=10.0.0.1",
    "autopart --type=lvm",
    "reqpart --add-boot",
    "mount /dev/sda1 /",
    "snapshot vg/root --name=s --when=post-install",
    "zfcp --devnum=0.0.4000 --wwpn=0x5005076300C213e9 --fcplun=0x5022000000000000",
    "fcoe --nic=ens3",
]


@pytest.mark.parametrize("line", GOOD_LINES)
def test_every_storage_command_may_stand_in_partitions(line: str) -> None:
    assert line in rendered(with_profile(partitions=[line])).pub["ks/rh9-first.ks"].splitlines()


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("rootpw x", "RHEL9"),
        ("%pre", "RHEL9"),
        ("parts /", "RHEL9"),
        ("mount /dev/sda1 /", "RHEL7"),
        ("fcoe", "RHEL5"),
    ],
)
def test_other_lines_are_refused(line: str, version: str) -> None:
    values: dict[str, Any] = {"partitions": [line], "version": version}
    with pytest.raises(SiteError) as caught:
        with_profile(**values)
    assert [fault.path for fault in caught.value.faults] == ["profiles.rh9.partitions[0]"]

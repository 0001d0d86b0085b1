"""Every kickstart is understood by pykickstart for its release, without a warning."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from pykickstart.errors import KickstartError
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
from rendering import NAMES, fetched, rendered, site, with_profile
from twinboot.installers.kickstart import releases
from twinboot.kinds import INSTALLERS
from twinboot.site import Site, SiteError

RICH = {
    "packages": ["@core", "vim-enhanced", "-iwl*-firmware"],
    "partitions": ["part /boot --fstype=ext4 --size=1024", "part / --fstype=ext4 --size=4096 --grow"],
    "post": "echo done > /root/done\n",
    "finish": "poweroff",
    "timezone": "Europe/Prague",
}

SECONDS = {"ks/cli128.ks", "ks/rh9-second.ks", "ks/192.168.0.254/cli129.ks"}
"""Those that name the second group's address."""


def parsed(text: str, version: str) -> KickstartParser:
    handler = makeVersion(version)
    # what a %pre script writes is not there yet, as when Anaconda reads the file the first time
    parser = KickstartParser(handler, errorsAreFatal=True, missingIncludeIsFatal=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parser.readKickstartFromString(text)
    return handler


def kickstarts(of: Site) -> dict[str, str]:
    return {path: text for path, text in fetched(of).items() if path.startswith("ks/")}


PEOPLE = {
    "rootpw_file": "secrets/root.hash",
    "ssh_keys": [f"ssh-ed25519 {'A' * 68} root@desk"],
    "users": [
        {"name": "ann", "full_name": "Ann O'Hara", "password_file": "secrets/root.hash", "sudo": True},
        {"name": "robot", "ssh_keys": [f"ssh-rsa {'B' * 200}= robot"], "sudo": True, "groups": ["audio"]},
    ],
    "ntp": ["ntp1.example.lan", "192.0.2.1"],
    "proxy": "http://proxy.example.lan:3128",
    "kickstart": ["firewall --enabled --ssh", "selinux --permissive"],
}


@pytest.mark.parametrize("values", [{}, RICH, PEOPLE], ids=["plain", "rich", "people"])
@pytest.mark.parametrize("version", releases.NAMES)
def test_every_release_reads_its_kickstart(version: str, values: dict[str, object]) -> None:
    texts = kickstarts(with_profile(version=version, **values))
    again = (
        ["ks/192.168.0.253/cli128.ks", "ks/192.168.0.254/cli129.ks"]
        if releases.Release(version).takes_mirrors
        else []
    )
    assert sorted(texts) == [
        *again, "ks/cli128.ks", "ks/cli129.ks", "ks/rh9-first.ks", "ks/rh9-second.ks"
    ]
    for path, text in texts.items():
        handler = parsed(text, version)
        vip = "192.168.0.254" if path in SECONDS else "192.168.0.253"
        assert handler.url.url == f"ftp://{vip}/trees/rh9/"


def test_the_profiles_own_lines_and_people_are_in_it() -> None:
    text = kickstarts(with_profile(**PEOPLE))["ks/cli128.ks"]
    before, after = text.split("%packages", 1)
    assert "firewall --enabled --ssh\nselinux --permissive\n" in before
    assert "\nsudo\n" in after
    assert f"open_to root 'ssh-ed25519 {'A' * 68} root@desk'\n" in after
    assert "ann ALL=(ALL) ALL" in after
    assert "robot ALL=(ALL) NOPASSWD: ALL" in after, "no password opens it"
    assert "clocks='ntp1.example.lan 192.0.2.1'\n" in after


@pytest.mark.parametrize("line", ["%post", "%end", " %ksappend x"])
def test_a_line_that_would_begin_a_section_is_refused(line: str) -> None:
    with pytest.raises(SiteError) as caught:
        with_profile(kickstart=["text", line])
    assert [one.path for one in caught.value.faults] == ["profiles.rh9.kickstart[1]"]


@pytest.mark.parametrize("name", NAMES)
def test_every_kickstart_of_a_site_is_good(name: str) -> None:
    of = site(name)
    versions = {profile: str(values.version) for profile, values in of.profiles.items()}
    for path, text in kickstarts(of).items():
        stem = path.rpartition("/")[2].removesuffix(".ks")
        host = of.hosts.get(stem)
        subnet = of.subnet_of(host.address) if host else None
        profile = (host.profile or (subnet.profile if subnet else None)) if host else stem.split("-")[0]
        assert profile is not None
        parsed(text, versions[profile])


def test_its_checker_takes_good_files_and_finds_bad_ones(tmp_path: Path) -> None:
    """The command that the kind names, with RELEASE and FILE put in."""
    program, *words = INSTALLERS.get("kickstart").checker
    file = tmp_path / "answers.ks"

    def faults(text: str) -> str:
        file.write_text(text)
        given = [{"RELEASE": "RHEL9", "FILE": str(file)}.get(word, word) for word in words]
        command = [sys.executable, str(Path(sys.executable).with_name(program)), *given]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout + done.stderr if done.returncode else ""

    for text in kickstarts(with_profile(version="RHEL9", **RICH)).values():
        assert faults(text) == ""
        assert "nonsense" in faults(text.replace("\nurl ", "\nnonsense\nurl ", 1))


def test_what_the_installer_is_told() -> None:
    of = with_profile(version="RHEL9", rootpw_file="secrets/root.hash", **RICH)
    handler = parsed(kickstarts(of)["ks/cli129.ks"], "RHEL9")
    assert handler.rootpw.isCrypted
    assert handler.rootpw.password == "$6$salt$hashhashhash"
    assert handler.packages.groupList[0].name == "core"
    assert handler.packages.packageList == ["vim-enhanced"]
    assert handler.packages.excludedList == ["iwl*-firmware"]
    assert handler.packages.retries == 10
    assert [part.mountpoint for part in handler.partition.partitions] == ["/boot", "/"]
    assert not handler.autopart.autopart
    assert handler.timezone.isUtc
    assert handler.network.network[0].hostname == "cli129.example.lan"
    assert handler.network.network[0].device == "52:54:00:00:01:29"


@pytest.mark.parametrize("version", releases.NAMES)
def test_without_a_hash_no_password_opens_root(version: str) -> None:
    handler = parsed(kickstarts(with_profile(version=version))["ks/cli128.ks"], version)
    locked = getattr(handler.rootpw, "lock", False)
    assert locked or (handler.rootpw.isCrypted and not handler.rootpw.password.startswith("$"))


def test_a_static_host_in_dns_mode() -> None:
    texts = kickstarts(site("dns"))
    assert sorted(texts) == ["ks/cli128.ks", "ks/cli129.ks", "ks/rh9.ks"]
    network = parsed(texts["ks/cli129.ks"], "RHEL9").network.network[0]
    assert (network.bootProto, network.ip, network.netmask) == ("static", "192.168.0.129", "255.255.255.0")
    assert (network.gateway, network.nameserver) == ("192.168.0.1", "192.168.0.253,192.168.0.254")
    for text in texts.values():
        assert parsed(text, "RHEL9").url.url == "ftp://ftp.example.lan/trees/rh9/"


@pytest.mark.parametrize("secret", ["", "letmein", "two words", "$6$a\n$6$b", "$6$\u00e9"])
def test_a_password_file_without_a_hash_is_refused(secret: str) -> None:
    of = with_profile(rootpw_file="secrets/root.hash")
    with pytest.raises(SiteError) as caught:
        rendered(of, secrets={"secrets/root.hash": secret})
    assert caught.value.faults[0].path == "profiles.rh9.rootpw_file"
    assert secret not in caught.value.faults[0].remedy or not secret


def test_the_judge_can_say_no() -> None:
    with pytest.raises(KickstartError):
        parsed(kickstarts(site())["ks/cli128.ks"].replace("autopart", "autoparts"), "RHEL9")

"""What a profile says of the new system itself, in a system with real logins, sudo, chrony, apt and dnf."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from imagestack import ROOT, Container, docker, wait
from twinboot.installers.base import Passwords
from twinboot.installers.new_system import setup_script
from twinboot.planning.plan import SitePlan
from twinboot.site import parse
from twinlab.host.images import NEW_SYSTEM_IMAGE, build_test_image

HASH = "$6$salt$" + "h" * 86
SSH = "ssh -i /keys/{} -o BatchMode=yes -o StrictHostKeyChecking=accept-new {}@127.0.0.1 {}"
MAKE_KEYS = "mkdir /keys; for one in root robot; do ssh-keygen -qt ed25519 -N '' -C $one -f /keys/$one; done"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def system() -> Iterator[Callable[..., Container]]:
    """system(**profile) -> a new system after the script of such a profile. Keys by name: KEY:name."""
    build_test_image(NEW_SYSTEM_IMAGE, print, again=True)
    started = []

    def made(runs: int = 1, **profile: Any) -> Container:
        name = f"newsystem-{os.getpid()}-{next(_numbers)}"
        docker("run", "-d", "--name", name, NEW_SYSTEM_IMAGE)
        started.append(name)
        container = Container(name)
        container.exec("sh", "-c", f"{MAKE_KEYS}; /usr/sbin/sshd")
        keys = {one: container.exec("cat", f"/keys/{one}.pub").stdout.strip() for one in ("root", "robot")}
        script = script_of({key: _with_keys(value, keys) for key, value in profile.items()})
        for _ in range(runs):
            done = container.exec("sh", "-eu", "-c", script)
            assert not done.stdout
        return container

    yield made
    for name in started:
        docker("rm", "-f", name, check=False)


def _with_keys(value: Any, keys: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_keys(one, keys) for one in value]
    if isinstance(value, dict):
        return {key: _with_keys(one, keys) for key, one in value.items()}
    return keys[value.removeprefix("KEY:")] if str(value).startswith("KEY:") else value


def script_of(profile: dict[str, Any]) -> str:
    document = yaml.safe_load((ROOT / "config/examples/parity.yaml").read_text())
    document["profiles"]["rh9"].update(profile)
    plan = SitePlan(parse(document))
    return setup_script(plan, plan.site.profiles["rh9"], Passwords(None, {"ann": HASH}))


def test_accounts_are_opened_by_their_keys_and_become_root(system: Callable[..., Container]) -> None:
    made = system(
        ssh_keys=["KEY:root"],
        users=[
            {"name": "robot", "ssh_keys": ["KEY:robot"], "sudo": True, "groups": ["audio"]},
            {"name": "ann", "full_name": "Ann O'Hara", "password_file": "secrets/ann.hash", "sudo": True},
            {"name": "guest"},
        ],
    )  # fmt: skip
    wait(
        "sshd", lambda: made.exec("sh", "-c", SSH.format("root", "root", "true"), check=False).returncode == 0
    )
    for key, user, command, said in (
        ("root", "root", "id -u", "0"), ("robot", "robot", "sudo -n id -u", "0"),
        ("robot", "robot", "id -Gn", "audio"),
    ):  # fmt: skip
        assert said in made.exec("sh", "-c", SSH.format(key, user, command)).stdout.split()
    for key, user in (("robot", "root"), ("root", "robot"), ("robot", "ann"), ("robot", "guest")):
        assert made.exec("sh", "-c", SSH.format(key, user, "true"), check=False).returncode == 255, (
            key,
            user,
        )
    assert made.exec("visudo", "-c").returncode == 0
    assert made.exec("sudo", "-n", "true", user="ann", check=False).returncode != 0, "she has a password"
    assert "(ALL) ALL" in made.exec("sudo", "-l", "-U", "ann").stdout
    accounts = {
        line.split(":")[0]: line.split(":") for line in made.exec("getent", "passwd").stdout.splitlines()
    }
    shadow = {
        line.split(":")[0]: line.split(":")[1] for line in made.exec("cat", "/etc/shadow").stdout.splitlines()
    }
    assert accounts["ann"][4] == "Ann O'Hara"
    assert accounts["guest"][5:] == ["/home/guest", "/bin/bash"]
    assert shadow["ann"] == HASH
    assert shadow["guest"].startswith("!"), "no password opens it"


def test_clocks_and_proxies_are_the_profiles(system: Callable[..., Container]) -> None:
    made = system(ntp=["ntp1.example.lan", "192.0.2.1"], proxy="http://proxy.example.lan:3128")
    conf = made.exec("cat", "/etc/chrony/chrony.conf").stdout.splitlines()
    assert [line for line in conf if line.startswith(("server ", "pool "))] == [
        "server ntp1.example.lan iburst",
        "server 192.0.2.1 iburst",
    ]
    assert made.exec("chronyd", "-p", "-f", "/etc/chrony/chrony.conf").returncode == 0, "chrony reads it"
    said = made.exec("apt-config", "dump", "Acquire").stdout
    assert 'Acquire::http::Proxy "http://proxy.example.lan:3128";' in said
    assert 'Acquire::https::Proxy "http://proxy.example.lan:3128";' in said
    assert 'Acquire::http::Proxy::192.168.0.253 "DIRECT";' in said, "the install servers are in the LAN"
    dnf = "import dnf; c = dnf.conf.Conf(); c.read('/etc/dnf/dnf.conf'); print(c.proxy, c.gpgcheck)"
    assert made.exec("python3", "-c", dnf).stdout.split() == ["http://proxy.example.lan:3128", "True"]


def test_a_second_run_changes_nothing_more(system: Callable[..., Container]) -> None:
    """An operator's own script may run it again."""
    made = system(
        runs=2, ssh_keys=["KEY:root"], ntp=["ntp1.example.lan"], proxy="http://proxy.example.lan:3128",
        users=[{"name": "robot", "sudo": True}],
    )  # fmt: skip
    assert made.exec("sh", "-c", "wc -l </root/.ssh/authorized_keys").stdout.strip() == "1"
    assert made.exec("sh", "-c", "grep -c ntp1 /etc/chrony/chrony.conf").stdout.strip() == "1"
    assert made.exec("sh", "-c", "grep -c proxy= /etc/dnf/dnf.conf").stdout.strip() == "1"
    assert made.exec("visudo", "-c").returncode == 0


def test_where_no_time_service_is_it_is_said(system: Callable[..., Container]) -> None:
    made = system()
    made.exec("rm", "-r", "/etc/chrony")
    script = script_of({"ntp": ["ntp1.example.lan"]})
    done = made.exec("sh", "-eu", "-c", script)
    assert "no time service is installed" in done.stderr

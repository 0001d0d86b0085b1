"""Each daemon's own checker, in its own image, on what was rendered for every server of every site.

That of the DHCP engine, named-checkconf -z and nginx -t judge; vsftpd has no checker, so it is started and
asked. All sites here have the engine of site().
"""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest
from rendering import GOOD, NAMES, TEMPLATES, many_hosts, rendered, site
from twinboot import dhcp
from twinboot.daemons import DHCPD
from twinboot.planning.plan import SitePlan
from twinboot.render import write
from twinboot.render.templates import Templates
from twinboot.site import Site

ENGINE = dhcp.engine_of(site())
"""A file is checked by the engine that it was made by: another one's image would not have the program."""
CASES = [(name, server) for name in NAMES for server in site(name).servers]
CONF = "/etc/twinboot/current"
ASK_FTP = """
set -e
mkdir -p /run/vsftpd/empty
"$@" &
tries=0
until answer=$(busybox ftpget -c -u anonymous 127.0.0.1 - ks/{ks} 2>/tmp/err); do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || {{ cat /tmp/err; exit 1; }}
    sleep 0.1
done
printf '%s\\n' "$answer"
"""


def run(image: str, directory: Path, *command: str, entrypoint: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of an image over rendered files, mounted as the stack mounts them."""
    mounts = [f"{directory / 'etc'}:/etc/twinboot:ro", f"{directory / 'pub'}:/srv/install/site:ro"]
    name = f"twinboot-render-{uuid.uuid4().hex[:12]}"
    docker = ["docker", "run", "--rm", "--name", name, "--network", "none", "--entrypoint", entrypoint]
    for mount in mounts:
        docker += ["--volume", mount]
    try:
        return subprocess.run(
            [*docker, image, *command], capture_output=True, text=True, check=False, timeout=120
        )
    except subprocess.TimeoutExpired:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)
        raise


def passes(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stdout + result.stderr


def written(of: Site, server: str, directory: Path) -> Path:
    write(rendered(of, server), directory / "etc", directory / "pub")
    directory.chmod(0o755)
    return directory


@pytest.fixture(scope="module", params=CASES, ids=[f"{name}-{server}" for name, server in CASES])
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, server = request.param
    return written(site(name), server, tmp_path_factory.mktemp(f"{name}-{server}"))


def check_dhcp(image: str, directory: Path) -> subprocess.CompletedProcess[str]:
    program, *words = ENGINE.checker
    return run(image, directory, *words, entrypoint=program)


def check_named(image: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return run(image, directory, "-z", f"{CONF}/bind/named.conf", entrypoint="named-checkconf")


def check_nginx(image: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return run(image, directory, "-t", "-e", "stderr", "-c", f"{CONF}/httpd/nginx.conf", entrypoint="nginx")


def test_dhcp(images: dict[str, str], files: Path) -> None:
    result = check_dhcp(images[DHCPD.name], files)
    passes(result)
    assert "warning" not in result.stderr.lower(), result.stderr


def test_named(images: dict[str, str], files: Path) -> None:
    result = check_named(images["bind"], files)
    passes(result)
    zones = [path.stem for path in (files / "etc/current/bind").glob("*.zone")]
    assert len(zones) >= 2
    for zone in zones:
        assert f"zone {zone}/IN: loaded serial 1" in result.stdout
    assert "warning" not in (result.stdout + result.stderr).lower()


def test_nginx(images: dict[str, str], files: Path) -> None:
    passes(check_nginx(images["httpd"], files))


def test_vsftpd_starts_and_serves(images: dict[str, str], files: Path) -> None:
    """The image's own options, the rendered file: a kickstart comes over FTP as it was rendered."""
    kickstart = min((files / "pub/current/ks").glob("*.ks"))
    options = ["-obackground=NO", "-ovsftpd_log_file=/tmp/log", "-osecure_chroot_dir=/run/vsftpd/empty"]
    script = ASK_FTP.format(ks=kickstart.name)
    daemon = ["vsftpd", f"{CONF}/vsftpd/vsftpd.conf", *options]
    result = run(images["vsftpd"], files, "-c", script, "sh", *daemon, entrypoint="/bin/sh")
    passes(result)
    assert result.stdout.rstrip("\n") == kickstart.read_text().rstrip("\n")


STRANGE = ["0", "7", "1e3", "0x1f", "host", "group", "on", "true", "a-b", "range", "pool", "ABC", "x" * 63]


def test_names_that_are_words_of_dhcpd_or_numbers(images: dict[str, str], tmp_path: Path) -> None:
    hosts = {
        name: {"mac": f"52:54:00:00:02:{at:02x}", "address": f"192.168.0.{at + 20}", "profile": "rh9"}
        for at, name in enumerate(STRANGE, 1)
    }
    directory = written(site(hosts=hosts), "server1", tmp_path)
    passes(check_dhcp(images["dhcpd"], directory))
    passes(check_named(images["bind"], directory))


@pytest.mark.long
def test_two_thousand_hosts(images: dict[str, str], tmp_path: Path) -> None:
    directory = written(many_hosts(2_000), "server1", tmp_path)
    passes(check_dhcp(images["dhcpd"], directory))
    passes(check_named(images["bind"], directory))


def test_the_heaviest_weights(images: dict[str, str], tmp_path: Path) -> None:
    groups = {
        name: {**group, "weight": weight}
        for (name, group), weight in zip(GOOD["groups"].items(), (100, 28), strict=True)
    }
    passes(check_dhcp(images["dhcpd"], written(site(groups=groups), "server1", tmp_path)))


@pytest.mark.parametrize(
    ("service", "file", "check"),
    [
        ("dhcpd", min(ENGINE.files(SitePlan(site()), "server1", Templates(TEMPLATES).fill)), check_dhcp),
        ("bind", "bind/example.lan.zone", check_named),
        ("httpd", "httpd/nginx.conf", check_nginx),
    ],
)
def test_the_judges_can_say_no(
    images: dict[str, str], tmp_path: Path, service: str, file: str, check: object
) -> None:
    directory = written(site(), "server1", tmp_path)
    path = directory / "etc/current" / file
    path.write_text(path.read_text() + "\nnonsense here {\n")
    assert callable(check)
    assert check(images[service], directory).returncode != 0

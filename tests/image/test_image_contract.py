"""The contract of images/README.md, asked of every daemon's image, as hardened as compose runs it."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from imagestack import DAEMONS, Container, Place, Start, docker, wait
from twinboot.daemons import BY_NAME, DIALECT_LABEL, EVERYWHERE, names

# Users of the processes that serve; the others of a container may be root.
USERS = {"dhcpd": 967, "bind": 953, "httpd": 33}
WORKERS = {name: (BY_NAME[name].process, uid) for name, uid in USERS.items()}
NEVER_ROOT = tuple(WORKERS)
CAPABILITIES = {  # linux/capability.h: bit numbers
    "NET_BIND_SERVICE": 10, "NET_RAW": 13, "SETGID": 6, "SETUID": 7, "SYS_CHROOT": 18,
}  # fmt: skip
EFFECTIVE = {
    "dhcpd": {"NET_BIND_SERVICE", "NET_RAW"},
    "bind": {"NET_BIND_SERVICE"},
    "httpd": {"NET_BIND_SERVICE"},
}
AFTER_TERM = {"tftp": 0, "vsftpd": 143, "bind": 0, "httpd": 0, "dhcpd": 0}
HANGS_LONG = ("httpd", "bind")
"""Left to `make e2e`: their health checks hang as those of the others do."""
FAST_HEALTH = (
    "--health-interval", "500ms", "--health-retries", "2", "--health-timeout", "2s",
    "--health-start-period", "1ms",
)  # fmt: skip


@pytest.fixture(scope="module", params=DAEMONS)
def service(request: pytest.FixtureRequest) -> str:
    """Each daemon in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def running(service: str, launch: Start) -> Container:
    """One healthy container of the service, for tests that only look."""
    return launch(service, options=FAST_HEALTH).healthy()


def processes(container: Container) -> list[dict[str, str]]:
    """/proc/*/status of the container's processes; those of the asking itself left out."""
    script = "for f in /proc/[0-9]*/status; do cat $f 2>/dev/null; echo; done"
    blocks = container.exec("sh", "-c", script).stdout.split("\n\n")
    found = [dict(re.findall(r"^(\w+):\s*(.*)$", block, re.M)) for block in blocks if "Name:" in block]
    return [
        status for status in found
        if (status["Name"] not in ("sh", "cat") or status["PPid"] == "1") and not becoming(status)
    ]  # fmt: skip


def becoming(status: dict[str, str]) -> bool:
    """Whether it is no process of the image yet, but the engine's own on its way to be a health check.

    runc comes into the container first and gives up its rights just before it executes the program. Only
    what the engine starts has a parent outside of the container, and only the first process has number 1.
    """
    return status["Name"].startswith("runc") and status["PPid"] == "0" and status["Pid"] != "1"


def of_the_daemon(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those that the first process started; the engine starts health checks, as the container's user."""
    parents = {status["Pid"]: status["PPid"] for status in found}

    def first(pid: str) -> str:
        while parents.get(pid, "0") != "0":
            pid = parents[pid]
        return pid

    return [status for status in found if first(status["Pid"]) == "1"]


def bits(names: set[str]) -> int:
    """A capability mask."""
    return sum(1 << CAPABILITIES[name] for name in names)


def test_workers_have_their_own_user(service: str, running: Container) -> None:
    for status in of_the_daemon(processes(running)):
        uid = int(status["Uid"].split()[1])
        if service in NEVER_ROOT:
            assert uid == WORKERS[service][1], status["Name"]
    if service in WORKERS:
        assert WORKERS[service][0] in {status["Name"] for status in processes(running)}


def test_capabilities_are_those_named_and_no_others(
    service: str, running: Container, model: dict[str, Any]
) -> None:
    allowed = bits(set(model[service]["cap_add"]))
    found = processes(running)
    for status in found:
        assert int(status["CapEff"], 16) & ~allowed == 0, status["Name"]
        assert int(status["CapBnd"], 16) == allowed, status["Name"]
        assert status["NoNewPrivs"] == "1"
    for status in of_the_daemon(found) if service in EFFECTIVE else ():
        assert int(status["CapEff"], 16) & ~bits(EFFECTIVE[service]) == 0, status["Name"]


def test_root_is_read_only(service: str, running: Container) -> None:
    for path in ("/x", "/etc/x", "/usr/local/bin/x", "/srv/x", "/var/log/x"):
        done = running.exec("touch", path, check=False)
        assert done.returncode != 0, path
    changed = docker("diff", running.name).stdout.split("\n")
    writes = [line for line in changed if line[:1] in "AD" and line]
    mounts = ("/config", "/etc/twinboot", "/srv", "/run", "/tmp", "/var", "/dev", "/proc", "/sys")
    assert all(line[2:].startswith(mounts) for line in writes), writes


def test_log_is_on_stdout_and_health_checks_are_no_news(service: str, running: Container) -> None:
    assert running.stdout().strip()
    wait("three health checks", lambda: len(running.inspect()["State"]["Health"]["Log"]) >= 3)
    # nothing on stderr alone; a line may come between the two looks
    wait("stdout has it all", lambda: running.output() == running.stdout())
    assert "twinboot-health" not in running.stdout()
    if service in ("tftp", "vsftpd"):
        assert "127.0.0.1" not in running.stdout()


def test_labels_and_settings(service: str, model: dict[str, Any]) -> None:
    found = json.loads(docker("image", "inspect", model[service]["image"]).stdout)[0]["Config"]
    check_config(found, service)
    assert found["Labels"]["org.opencontainers.image.title"] == f"twinboot {service}"
    assert found["Labels"].get(DIALECT_LABEL, "") == BY_NAME[service].dialect


def check_config(found: dict[str, Any], service: str) -> None:
    """What every image, the sidecar's too, carries."""
    labels = found["Labels"]
    for name in ("title", "description", "licenses", "version", "revision"):
        assert labels.get(f"org.opencontainers.image.{name}"), name
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?(-\w+)?", labels["org.opencontainers.image.version"])
    assert found["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"]["Test"][0] == "CMD"  # exec form
    assert "/usr/bin/tini" in found["Entrypoint"]
    assert found["Cmd"], service


def test_no_program_raises_its_user(running: Container) -> None:
    assert running.exec("find", "/", "-xdev", "-type", "f", "-perm", "/6000").stdout == ""


def test_a_session_of_vsftpd_and_a_transfer_of_tftpd_are_not_roots(
    place: Place, start: Start, client: Container
) -> None:
    ftp = start("vsftpd", ip=21).healthy()
    tftp = start("tftp", ip=22).healthy()
    session = (
        f"import socket,time; s=socket.create_connection(('{place.address(21)}',21)); s.recv(99);"
        "s.send(b'USER ftp\\r\\n'); s.recv(99); s.send(b'PASS x\\r\\n'); time.sleep(20)"
    )
    request = (
        "import socket,time; s=socket.socket(2,2); s.sendto(b'\\0\\1trees/rh9/Packages/big.bin\\0octet\\0',"
        f"('{place.address(22)}',69)); time.sleep(20)"
    )
    for script in (session, request):
        docker("exec", "-d", client.name, "python3", "-c", script)

    def uids(container: Container, name: str) -> list[int]:
        return sorted(int(p["Uid"].split()[1]) for p in processes(container) if p["Name"] == name)

    # the listener, and a session's privileged half, are root with the few capabilities; who talks is not
    wait("a session of vsftpd under its own user", lambda: any(uids(ftp, "vsftpd")), 10)
    wait("a transfer of tftpd under its own user", lambda: any(uids(tftp, "in.tftpd")), 10)


def test_term_stops_it_in_time_and_it_starts_again(
    service: str, launch: Start, model: dict[str, Any]
) -> None:
    container = launch(service).healthy()
    begin = time.monotonic()
    docker("stop", "-t", "10", container.name)
    took = time.monotonic() - begin
    assert container.exit_code() == AFTER_TERM[service], container.output()
    grace = float(str(model[service]["stop_grace_period"]).rstrip("s"))
    assert took < max(grace, 3.0), f"{took:.1f} s"
    docker("start", container.name)
    container.healthy()


def test_missing_configuration_ends_with_two_and_says_who_writes_it(
    service: str, launch: Start, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    empty.chmod(0o755)
    targets = {"tftp": ["/srv/tftp/site"], "bind": ["/etc/twinboot"], "dhcpd": ["/etc/twinboot"]}.get(
        service, ["/etc/twinboot", "/srv/install/site"]
    )
    container = launch(service, mounts=[f"{empty}:{target}:ro" for target in targets])
    assert container.exit_code() == 2
    said = re.compile(r"/\S+ is missing: the service 'render' writes it; run that first\n$")
    wait("it says who writes it", lambda: bool(said.search(container.stdout())), 5)


@pytest.mark.parametrize("service", [one.name for one in EVERYWHERE if one.publishes])
def test_unhealthy_when_nothing_is_published(
    service: str, launch: Start, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pub = tmp_path_factory.mktemp("pub")
    pub.chmod(0o755)
    for folder in ("current/tftp/pxelinux.cfg", "current/ks"):
        (pub / folder).mkdir(parents=True)
    root = "/srv/tftp/site" if service == "tftp" else "/srv/install/site"
    mounts = [f"{place.etc}:/etc/twinboot:ro", f"{pub}:{root}:ro"]
    container = launch(service, mounts=mounts, options=FAST_HEALTH)
    wait("it is unhealthy", lambda: container.health() == "unhealthy", 20)


@pytest.mark.parametrize(
    "service",
    [pytest.param(one, marks=pytest.mark.long if one in HANGS_LONG else ()) for one in names(EVERYWHERE)],
)
def test_unhealthy_when_the_daemon_hangs(service: str, launch: Start) -> None:
    container = launch(service, options=FAST_HEALTH)
    wait("it is healthy", lambda: container.health() == "healthy", 20)
    stop_all(container, service)
    wait("it is unhealthy", lambda: container.health() == "unhealthy", 30)


def stop_all(container: Container, service: str) -> None:
    """SIGSTOP to every process of the daemon, until none is left that runs.

    Daemons that fork have children that come and go with each health check (a session of vsftpd): one may
    have ended between being seen and being stopped, another have begun.
    """
    name = BY_NAME[service].process
    user = str(WORKERS[service][1]) if service in WORKERS else "0"

    def states() -> dict[str, str]:
        return {one["Pid"]: one["State"][:1] for one in processes(container) if one["Name"] == name}

    def stopped() -> bool:
        running = [pid for pid, state in states().items() if state not in "TZX"]
        for pid in running:
            container.exec("sh", "-c", f"kill -STOP {pid}", user=user, check=False)
        return not running

    assert states(), f"no process {name}"
    wait("all its processes are stopped", stopped)

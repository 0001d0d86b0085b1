"""Faults of the sidecar and of single services. inside/heal.sh heals them."""

from __future__ import annotations

from collections.abc import Sequence

from twinboot import daemons

from twinlab.faults.scene import Scene
from twinlab.host.engine import docker, pause
from twinlab.host.server import SIDECAR_CONTAINER, Server, container_of

DAEMONS = daemons.names()
SERVICES = (*DAEMONS, "sidecar", "engine-proxy", "takeover", "tree-sync", daemons.PAGE)
NFT_TABLE = "inet lab_broken"
PROXY = container_of("engine-proxy")
STOPPED_DHCPD = "/run/lab-broken-dhcpd"


def kill(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    server.docker("kill", container_of(arguments[0]))  # by this way the engine does not start it again


def crash(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    pid = server.docker("inspect", "-f", "{{.State.Pid}}", container_of(arguments[0])).out.strip()
    server.exec("kill", "-KILL", pid)  # the engine starts it again


def stop(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    server.compose("stop", arguments[0])


def freeze(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    pause(container_of(arguments[0]), server.docker)


def kill_sidecar(lab: Scene, server: Server, _: Sequence[str]) -> None:
    kill(lab, server, ("sidecar",))


def crash_sidecar(lab: Scene, server: Server, _: Sequence[str]) -> None:
    crash(lab, server, ("sidecar",))


def stop_sidecar(_: Scene, server: Server, __: Sequence[str]) -> None:
    server.docker("stop", SIDECAR_CONTAINER)


def freeze_sidecar(lab: Scene, server: Server, _: Sequence[str]) -> None:
    freeze(lab, server, ("sidecar",))


def standby(_: Scene, server: Server, __: Sequence[str]) -> None:
    server.sidecar("twinboot", "standby")


def prune(_: Scene, server: Server, __: Sequence[str]) -> None:
    """A usual cron job: every container that does not run is removed, dhcpd's of a stand-by among them."""
    server.docker("container", "prune", "--force")


def remove(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    """The container is removed, and the engine proxy has never seen it: nobody but Compose can make it."""
    server.exec("sh", "-c", f"docker rm -f {container_of(arguments[0])} && docker restart -t 0 {PROXY}")


def spoil(_: Scene, server: Server, arguments: Sequence[str]) -> None:
    """The container runs, restarts included, and serves nobody."""
    service = arguments[0]
    if service == daemons.DHCPD.name:
        # It reads raw frames, which no packet filter here keeps from it: stop each one that starts.
        stop_each = f"pkill -STOP -x {daemons.DHCPD.process}; sleep 0.1"
        again = f"while [ -e {STOPPED_DHCPD} ]; do {stop_each}; done"
        script = f"touch {STOPPED_DHCPD}; {again}"
        docker("exec", "-d", server.container, "sh", "-c", script)
        return
    hook = "{ type filter hook input priority 0; }"
    rules = (
        f"add table {NFT_TABLE}; add chain {NFT_TABLE} {service} {hook}; flush chain {NFT_TABLE} {service};"
        f" add rule {NFT_TABLE} {service} {port_rule(daemons.BY_NAME[service])}"
    )
    server.exec("nft", rules)


def port_rule(daemon: daemons.Daemon) -> str:
    """nft: what is sent to the daemon's port is lost or refused, and its container knows nothing of it."""
    transports = sorted(str(port.transport) for port in daemon.ports)
    number = daemon.ports[0].number
    if transports == ["tcp"]:
        return f"tcp dport {number} reject with tcp reset"
    return f"meta l4proto {{ {', '.join(transports)} }} th dport {number} drop"

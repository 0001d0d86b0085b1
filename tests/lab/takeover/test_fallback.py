"""What is done where connections cannot be carried over, or shall not be: it is said once, and clients that
retry hear of it at once; and what a client sees while a taker's services are not ready."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from alarmhelp import alarm_texts
from labhelp import ODD, host
from twinlab import Lab
from twinlab.host import testlab
from twinlab.host.server import Server
from twinlab.host.wait import until
from twinlab.programs.clientmatrix import run
from twinlab.programs.fetching import Fetchers, trees

BOTH_ON_2 = {"first": "server2", "second": "server2"}
HOME = {"first": "server1", "second": "server2"}
CAPS = "NET_ADMIN, NET_BIND_SERVICE, NET_RAW"
PART = "/opt/twinboot/compose/services.yaml"
ITS_OWN = "/^  takeover:/,/^  sidecar:/"
NO_NFTABLES = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{
        "names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 93,
        "args": [{"index": at, "value": value, "op": "SCMP_CMP_EQ"} for at, value in ((0, 16), (2, 12))],
    }],
}
"""A kernel without nfnetlink: no socket of family NETLINK, protocol NETFILTER (EPROTONOSUPPORT)."""
LACKS = {
    "NET_ADMIN": ("takeover-by-reset", "TCP_REPAIR: Operation not permitted"),
    "NET_RAW": ("takeover-blind", "packet socket on eth0"),
    "nftables": ("takeover-by-reset", "packet filter: nftables: Protocol not supported"),
}
"""The alarm that it is, and what its text names."""


@contextmanager
def without(lab: Lab, what: str) -> Iterator[None]:
    """Every server's takeover process lacks this."""
    changes = {
        "NET_ADMIN": f"{ITS_OWN}s/{CAPS}/NET_BIND_SERVICE, NET_RAW/",
        "NET_RAW": f"{ITS_OWN}s/{CAPS}/NET_ADMIN, NET_BIND_SERVICE/",
        "nftables": 's#"no-new-privileges:true"#&, "seccomp=/opt/twinboot/no-nftables.json"#',
    }
    try:
        for server in lab.servers.values():
            profile, change = shlex.quote(json.dumps(NO_NFTABLES)), shlex.quote(changes[what])
            server.exec("sh", "-c", f"echo {profile} >/opt/twinboot/no-nftables.json; "
                        f"cp -n {PART} {PART}.whole; sed -i {change} {PART}; ! cmp -s {PART} {PART}.whole")
            server.compose("up", "-d", "--no-deps", "takeover")
        yield
    finally:
        for server in lab.servers.values():
            server.exec("cp", f"{PART}.whole", PART)
            server.compose("up", "-d", "--no-deps", "takeover")
            until(lambda s=server: not alarms(s), f"{server.name} without an alarm", timeout_s=30)  # type: ignore[misc]


def alarms(server: Server) -> dict[tuple[str, str], str]:
    """Texts by code and subject."""
    view = server.status()
    return {("no-answer", server.name): ""} if view is None else alarm_texts(view)


@pytest.fixture(scope="module")
def fetchers() -> Iterator[tuple[Lab, Fetchers]]:
    """A lab with programs that fetch again what was reset."""
    lab = Lab(testlab.name("fallback"), print)
    lab.down()
    with lab.up(trees=trees()), Fetchers.on(lab.layout, ("wget", "dnf")) as machines:
        yield lab, machines


@pytest.mark.long
@pytest.mark.parametrize("what", LACKS)
def test_what_is_missing_is_told_once_and_the_next_best_is_done(
    fetchers: tuple[Lab, Fetchers], what: str
) -> None:
    lab, machines = fetchers
    code, named = LACKS[what]
    with without(lab, what):
        for server in lab.servers.values():
            until(lambda s=server: named in alarms(s).get((code, s.name), ""), "the alarm", timeout_s=30)  # type: ignore[misc]
        if what != "NET_RAW":
            for fault in ("planned move", "power-off in mid-file"):
                found = run(lab, machines, fault)
                assert [one for one in found.verdicts if not one.finished] == []
                # What dnf and wget do by themselves takes 5 to 900 s, and ends nothing by a reset.
                assert all((one.silence_s or 0.0) < 15 for one in found.verdicts), found
                assert sum(one.resets for one in found.verdicts) > 0
                print(what, found)
        with lab.prober([lab.address("first")]) as prober:
            with lab.fault("standby", 1):
                lab.wait_owned(BOTH_ON_2)
            lab.wait_owned(HOME)
            with lab.fault("power-off", 1):
                lab.wait_owned(BOTH_ON_2)
                prober.settle()
                gaps = [gap.seconds for gap in prober.seen()[lab.address("first")].gaps()]
            lab.wait_owned(HOME)
        print(what, "gaps", gaps)
        assert max(gaps) < 10
        said = lab.server(2).logs("takeover")
        assert said.count("takeover-limited") == 1, said
        assert "Traceback" not in said


@pytest.mark.long
@pytest.mark.parametrize(
    "takeover", ["tickle", "off", {"ftp": "on", "http": "tickle"}, {"ftp": "off", "http": "on"}],
    ids=["tickle", "off", "ftp-on-http-tickle", "ftp-off-http-on"],
)
def test_each_service_is_dealt_with_as_the_site_file_says(takeover: object) -> None:
    modes = takeover if isinstance(takeover, dict) else {"ftp": takeover, "http": takeover}
    lab = Lab(testlab.name("modes"), print)
    lab.down()
    with (
        lab.up(trees=trees(), patch={"takeover": takeover}),
        Fetchers.on(lab.layout, ("curl", "wget")) as machines,
    ):
        for fault in ("planned move", "power-off in mid-file"):
            found = run(lab, machines, fault, limit_s=40)
            for one in found.verdicts:
                program, scheme = one.name.split()
                mode = modes[scheme]
                if mode == "on":
                    assert one.finished, one
                    assert one.resets == 0, one
                elif mode == "tickle":  # wget goes on, curl says so and ends
                    assert one.resets > 0, one
                    assert one.finished == (program == "wget"), one
                    assert not one.hung, one
                elif program == "curl":  # it hangs; or its word to the taker, who knows nothing, resets it
                    assert not one.finished, one
        assert not any(alarms(server) for server in lab.servers.values())


@pytest.mark.long
@pytest.mark.parametrize("service", ["httpd", "vsftpd"])
def test_nobody_is_refused_while_the_takers_service_is_not_ready(lab: Lab, service: str) -> None:
    """The taker's service is down when the address comes: who connects waits, and is then served."""
    address = lab.address("first")
    scheme, port = {"httpd": ("http", 80), "vsftpd": ("ftp", 21)}[service]
    ask = f"curl -sS -m 60 -o /dev/null {scheme}://{address}/trees/rh9/.treeinfo; echo rc=$?"
    with host(lab, ODD) as client, ExitStack() as stack:
        client.capture(f"host {address} and tcp port {port}", "/all.pcap")
        with lab.fault("stop-service", 2, service):
            stack.enter_context(lab.fault("power-off", 1))
            waiting = [client.start("sh", "-c", ask) for _ in range(5)]
            lab.wait_owned(BOTH_ON_2)
            waiting += [client.start("sh", "-c", ask) for _ in range(5)]
            until(lambda: client.captured("/all.pcap", "tcp[13] & 18 == 2").count("\n") > 10, "their SYNs",
                  timeout_s=20)
            for one in waiting:
                assert one.poll() is None, "served, or refused, already"
            lab.server(2).docker("start", f"twinboot-{service}-1")
            for one in waiting:
                out, _ = one.communicate(timeout=90)
                assert "rc=0" in out, out
        assert client.resets("/all.pcap", address) == ""


def test_a_port_is_used_again_at_once(lab: Lab) -> None:
    """What keeps a client from being refused knows connections that have just ended (TIME-WAIT)."""
    script = f"""
import socket
for _ in range(3):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("", 45678))
    sock.settimeout(5)
    sock.connect(("{lab.address('first')}", 80))
    sock.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    while sock.recv(4096):
        pass
    sock.close()
"""
    assert lab.client("python3", "-c", script).ok


@pytest.mark.long
def test_what_cannot_be_gone_on_with_is_reset_at_once(lab: Lab) -> None:
    """A file in FTP's text mode: the taker refuses it, and its client hears of it with the claim, though
    another client is silent."""
    address = lab.address("first")
    with host(lab, ODD) as client, lab.machine() as silent, lab.events() as events:
        silent.start("curl", "-sS", "--limit-rate", "1M", "-o", "/got", f"http://{address}/trees/rh9/big.bin")
        client.capture(f"host {address} and tcp", "/all.pcap")
        fetch = f"curl -sS --use-ascii --limit-rate 1M -o /got ftp://{address}/trees/rh9/big.bin"
        process = client.start("sh", "-c", f"{fetch}; echo rc=$? $(date +%s.%N)")
        has = "stat -c %s /got 2>/dev/null || echo 0"
        until(lambda: int(client.sh(has).out) > 1 << 20, "a MB", timeout_s=30)
        until(lambda: int(silent.sh(has).out) > 1 << 20, "a MB", timeout_s=30)
        silent.sh("ip link set eth0 down")
        with lab.fault("power-off", 1):
            out, _ = process.communicate(timeout=60)
            (claimed,) = events.named("group-claimed", group="first")
        assert "rc=0" not in out
        resets = client.captured("/all.pcap", f"src host {address} and tcp[13] & 4 != 0", "-tt")
        after_s = min(float(line.split()[0]) for line in resets.splitlines()) - claimed.time
        print(f"reset {after_s:.3f} s after the claim")
        assert after_s < 1.5, "not before the silent one was given up"

"""A server dies in the middle of many small requests: whatever input it had received is known to the taker.

Input is on its way at almost every moment.
"""

from __future__ import annotations

import subprocess
import time

import pytest
from labhelp import ODD, host
from twinlab import Lab
from twinlab.host.client import Client
from twinlab.host.wait import until

TAKEOVER = "twinboot-takeover-1"
COUNT = {"http": 4000, "ftp": 1000}
FILES = {
    "http": 'url = "http://{address}/trees/rh9/big.bin"\\noutput = /dev/null\\nrange = 0-2000\\n',
    "ftp": 'url = "ftp://{address}/trees/rh9/.treeinfo"\\noutput = /dev/null\\n',
}


def small(client: Client, scheme: str, address: str) -> subprocess.Popen[str]:
    """One curl and one connection (one session, by FTP) for thousands of little downloads."""
    what = FILES[scheme].format(address=address)
    client.sh(f"for n in $(seq {COUNT[scheme]}); do printf '{what}'; done >/tmp/{scheme}.cfg")
    written = "%{size_download}\\n"
    return client.start("sh", "-c", f"curl -sS --no-progress-meter -w '{written}' -K /tmp/{scheme}.cfg"
                                    f" >/tmp/{scheme}.out 2>/tmp/{scheme}.err; echo rc=$?")


def done(client: Client, scheme: str) -> int:
    return int(client.sh(f"wc -l < /tmp/{scheme}.out 2>/dev/null || echo 0").out)


def counts(lab: Lab, number: int) -> dict[str, int]:
    return lab.server(number).status()["connections"]  # type: ignore[index,no-any-return]


@pytest.mark.long
def test_many_small_requests_outlive_their_server(lab: Lab) -> None:
    address = lab.address("first")
    with host(lab, ODD) as client:
        # Not the data connections: both ends close them at once, and a last ACK may be answered with a reset.
        client.capture(f"host {address} and (port 21 or 80) and tcp[13] & 7 != 0", "/ends.pcap")
        runs = {scheme: small(client, scheme, address) for scheme in FILES}
        for scheme in FILES:
            until(lambda s=scheme: done(client, s) > 20, f"{scheme} to be under way", timeout_s=60)  # type: ignore[misc]
        until(lambda: counts(lab, 1)["input_held"] > 100, "words that were held", timeout_s=30)
        assert counts(lab, 1)["input_hold_active"]
        with lab.fault("power-off", 1):
            lab.wait_owned({"first": "server2", "second": "server2"})
            for scheme, run in runs.items():
                out, _ = run.communicate(timeout=180)
                said = client.sh(f"tail -n 3 /tmp/{scheme}.err /tmp/{scheme}.out").out
                assert "rc=0" in out, f"{scheme}: {out} {said}"
                sizes = client.sh(f"sort /tmp/{scheme}.out | uniq -c").out.split()
                assert sizes[0] == str(COUNT[scheme]), f"all of the same size: {sizes}"
                assert sizes[1] != "0"
        assert client.resets("/ends.pcap", address) == ""


@pytest.mark.long
@pytest.mark.parametrize("signal", ["STOP", "KILL"])
def test_a_takeover_process_that_hangs_or_dies_keeps_nobody_waiting(lab: Lab, signal: str) -> None:
    """The input hold ends by itself soon; who was held meanwhile says it again."""
    address = lab.address("first")
    server = lab.server(1)
    with host(lab, ODD) as client:
        run = small(client, "http", address)
        until(lambda: done(client, "http") > 100, "it to be under way", timeout_s=30)
        server.docker("kill", "--signal", signal, TAKEOVER)
        try:
            time.sleep(3)
            before = done(client, "http")
            until(lambda: done(client, "http") > min(before + 50, COUNT["http"] - 1), "it to go on",
                  timeout_s=30)
        finally:
            server.docker("kill", "--signal", "CONT", TAKEOVER, check=False)
        out, _ = run.communicate(timeout=180)
        assert "rc=0" in out, client.sh("cat /tmp/http.err").out
    until(lambda: counts(lab, 1)["input_hold_active"], "the input hold to be active again", timeout_s=30)

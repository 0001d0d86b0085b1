"""A client that has had all of a file, and closes its end only when the server is another one."""

from __future__ import annotations

import pytest
from twinlab import Lab
from twinlab.host.wait import until

CLIENT = """
import ftplib, pathlib, socket, sys, time
server, way = sys.argv[1:]
if way == "ftp":
    ftp = ftplib.FTP(server, timeout=30)
    ftp.login()
    ftp.voidcmd("TYPE I")
    data = ftp.transfercmd("RETR trees/rh9/.treeinfo")
    ftp.voidresp()
else:
    data = socket.create_connection((server, 80))
    data.sendall(b"GET /trees/rh9/.treeinfo HTTP/1.0\\r\\n\\r\\n")
while data.recv(9999):
    pass
print("has it", flush=True)
while not pathlib.Path("/go").exists():
    time.sleep(0.05)
data.close()
if way == "ftp":
    ftp.voidcmd("NOOP")
    ftp.quit()
time.sleep(1)
print("closed", flush=True)
"""


@pytest.mark.parametrize("way", [pytest.param("ftp", marks=pytest.mark.long), "http"])
def test_an_end_that_comes_late_is_not_answered_by_a_reset(lab: Lab, way: str) -> None:
    with lab.machine() as machine:
        server = lab.address("first")
        machine.capture(f"src host {server} and tcp[13] & 4 != 0", "/resets.pcap")
        machine.sh(f"cat >/client.py <<'END'{CLIENT}END")
        machine.sh(f"python3 /client.py {server} {way} >/said 2>&1 &")
        until(lambda: "has it" in machine.sh("cat /said").out, "the file", timeout_s=20)
        with lab.fault("standby", 1):
            lab.wait_owned({"first": "server2", "second": "server2"})
            machine.sh("touch /go")
            until(lambda: "closed" in machine.sh("cat /said").out, "its end", timeout_s=30)
            assert machine.captured("/resets.pcap") == ""

"""Another FTP server in vsftpd's place: its clients are reset at a move, and never told another's words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alarmhelp import alarm_texts
from labhelp import ODD, host
from twinboot.daemons import DIALECT_LABEL, VSFTPD
from twinlab import Lab
from twinlab.host import images, testlab
from twinlab.host.engine import docker
from twinlab.host.wait import until
from twinlab.programs.fetching import FOLDER, trees

BOTH_ON_2 = {"first": "server2", "second": "server2"}
OTHER_FTP = f"twinboot-test/otherftp:{images.VERSION}"
# A session that stands idle after some commands, and one in the middle of a file. What each hears after /go.
TALK = """
import os, socket, time
def session():
    one = socket.create_connection(({address!r}, 21), timeout=20)
    return one, one.makefile("rb")
def say(one, lines, text):
    one.sendall(text.encode() + b"\\r\\n")
    return lines.readline()
idle, of_idle = session()
busy, of_busy = session()
for one, lines in ((idle, of_idle), (busy, of_busy)):
    greeting = lines.readline()
    say(one, lines, "USER anonymous"), say(one, lines, "PASS x"), say(one, lines, "TYPE I")
assert b"pyftpdlib" in greeting, greeting
answer = say(busy, of_busy, "EPSV")
port = int(answer.split(b"|||")[1].split(b"|")[0])
data = socket.socket()
data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
data.settimeout(20)
data.connect(({address!r}, port))
say(busy, of_busy, "RETR {path}")
assert data.recv(100)
open("/under-way", "w").close()
while not os.path.exists("/go"):
    time.sleep(0.1)
def rest(of):
    had = 0
    try:
        while more := of.recv(65536):
            had += len(more)
        return "ended after %d" % had
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "silence"
print("data", rest(data))
for name, one in (("busy", busy), ("idle", idle)):
    print(name, rest(one))
"""


@pytest.fixture(scope="module", params=["", VSFTPD.dialect], ids=["unnamed", "named-wrongly"])
def swapped(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, str]]:
    """A lab with the other server's image, which names no dialect, or vsftpd's without speaking it."""
    tag = OTHER_FTP
    images.build_test_image(OTHER_FTP, print, again=True)
    if request.param:
        tag = OTHER_FTP.replace("otherftp", "otherftp-named")
        docker("build", "-q", "-t", tag, "--label", f"{DIALECT_LABEL}={request.param}", "--build-arg",
               f"BASE={images.versions()['BASE']}", str(images.ROOT / "compose/lab/otherftp"), timeout_s=600)
    lab = Lab(testlab.name("swapped"), print)
    lab.down()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VSFTPD.image_variable, tag)
        with lab.up(trees=trees()):
            yield lab, request.param


@pytest.mark.long
def test_nobody_hears_the_words_of_another_server(swapped: tuple[Lab, str]) -> None:
    lab, named = swapped
    address = lab.address("first")
    if not named:
        for number in (1, 2):
            def told(number: int = number) -> bool:
                view = lab.server(number).status()
                return view is not None and any(
                    code == "takeover-by-reset" for code, _ in alarm_texts(view))

            until(told, f"the alarm of server{number}", timeout_s=30)
    with host(lab, ODD) as client:
        script = TALK.format(address=address, path=f"/trees/{FOLDER}/big.bin")
        process = client.start("python3", "-c", script)
        until(lambda: client.sh("test -e /under-way", check=False).ok, "the middle", timeout_s=30)
        with lab.fault("power-off", 1):
            lab.wait_owned(BOTH_ON_2)
            client.sh("touch /go")
            out, _ = process.communicate(timeout=90)
        assert out.split("\n")[:3] == ["data reset", "busy reset", "idle reset"], out
        again = lab.client("curl", "-sSf", "-m", "20", f"ftp://{address}/trees/rh9/.treeinfo")
        assert again.ok, "a new session"

"""What vsftpd and nginx really say is what a taker believes that they say: texts, parts, listings, limits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from imagestack import Container, Place, Start, docker, mounts_of
from twinboot.daemons import BY_NAME, DIALECT_LABEL
from twinboot.planning.limits import OWN_SESSIONS, connection_limits
from twinboot.site import load
from twinboot.takeover.host.published.tree import PublishedTree
from twinboot.takeover.logic.pieces import FilePart, Piece
from twinboot.takeover.logic.plan import ClientPosition, Rebuild, plan_takeover
from twinboot.takeover.logic.protocols.ftp import Session, apply_reply, split_command
from twinboot.takeover.logic.protocols.http import HttpTracker
from twinboot.takeover.logic.protocols.vsftpd_replies import reply_to
from twinboot.takeover.logic.protocols.vsftpd_texts import is_known_reply
from twinboot.takeover.logic.record import ConnectionKey, ConnectionKind, ConnectionRecord, SynOptions
from twinboot.takeover.logic.tcp.reassembly import Reassembler

FILE = "/trees/rh9/Packages/big.bin"
VERSION_OF = {"vsftpd": "vsftpd -v 0>&1", "httpd": "nginx -v 2>&1"}


@pytest.mark.parametrize("service", VERSION_OF)
def test_the_dialect_is_the_release_that_the_image_holds(service: str, start: Start) -> None:
    """Of a newer one the texts, heads and listings have to be looked at before its label may change."""
    container = start(service).healthy()
    label = container.inspect()["Config"]["Labels"][DIALECT_LABEL]
    assert label == BY_NAME[service].dialect
    program, release = label.split("-")
    said = container.exec("sh", "-c", VERSION_OF[service]).stdout.lower()
    assert program in said
    assert f"{release}." in said.replace("/", " ")


SESSION = """
import json, socket, sys
host, commands = sys.argv[1], json.loads(sys.argv[2])
control = socket.create_connection((host, 21), timeout=10)
lines = control.makefile("rb")

def reply():
    found = first = lines.readline()
    last = first
    while first[3:4] == b"-" and not last.startswith(first[:3] + b" "):
        last = lines.readline()
        found += last
    return found.decode("latin-1")

def say(line):
    control.sendall(line.encode() + b"\\r\\n")
    return reply()

def transfer(line):
    answer = say("EPSV")
    port = int(answer.split("|||")[1].split("|")[0])
    data = socket.create_connection((host, port), timeout=10)
    told = say(line)
    if told[0] == "1":
        while data.recv(65536):
            pass
        told += reply()
    data.close()
    return told

reply()
print(json.dumps([transfer(line[1:]) if line[0] == "*" else say(line) for line in commands]))
"""
COMMANDS = tuple("""PWD|USER root|PASS x|RETR x|SYST|HELP|FEAT|OPTS UTF8 ON|OPTS x|NOOP|CWD trees
USER anonymous|USER ftp|USER root|USER|PASS x|SYST|PWD|XPWD|NOOP|FEAT|HELP|HELP x|STAT|STAT /trees|STAT none
TYPE A|SIZE FILE|TYPE I|TYPE L 8|TYPE L8|TYPE a n|TYPE X|type i|MODE S|MODE s|MODE B|STRU F|STRU R|ALLO|ALLO 5
ABOR|REIN|ACCT|SMNT|CWD trees|PWD|CWD none|CWD rh9|CWD .treeinfo|CDUP|XCUP|XCWD trees|CWD /|CWD|CWD  trees
CWD ~/trees/rh9|PWD|CWD ~|PWD|CWD ~root|SIZE ~FILE|REST 5|REST x|REST|SIZE FILE|SIZE none|SIZE trees|SIZE
MDTM FILE|MDTM none|MDTM trees|OPTS x|OPTS UTF8 ON|OPTS utf8 on|STOR x|STOU|APPE x|DELE x|MKD x|RMD x|RNFR x
RNTO x|SITE|SITE HELP|SITE CHMOD 1 x|WHAT|MLSD|MLST|LANG|RETR none|RETR FILE|RETR|LIST|NLST|AUTH TLS|PBSZ 0
PROT P|PORT 1,2,3|EPRT x|EPSV 9|*RETR FILE|*RETR none|*RETR trees|*LIST|*LIST none|*NLST -a|CWD ../..|PWD
EPSV ALL|QUIT""".replace("FILE", FILE).replace("\n", "|").split("|"))


def test_vsftpd_says_what_a_taker_would_say(start: Start, client: Container, place: Place) -> None:
    """Every text is known, and where the taker predicts a reply it is this one, byte for byte."""
    start("vsftpd", ip=41).healthy()
    run = ("python3", "-c", SESSION, place.address(41), json.dumps(COMMANDS))
    said = [one.encode("latin-1") for one in json.loads(client.exec(*run).stdout)]
    tree, session = PublishedTree(place.trees.parent), Session()
    unknown, otherwise = [], []
    for command, reply in zip(COMMANDS, said, strict=True):
        lines = reply.split(b"\r\n")[:-1]
        unknown += [line for line in (lines[0], lines[-1]) if not is_known_reply(line)]
        line = command.removeprefix("*").encode()
        expected = reply_to(session, line, tree)
        if expected is not None and expected != reply:
            otherwise.append((command, reply, expected))
        session = apply_reply(session, *split_command(line), lines[-1])
    assert unknown == []
    assert otherwise == []


CROWD = """
import socket, sys
from multiprocessing import Barrier, Process, Value
host, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
WORKERS = 4
together, served, refused = Barrier(WORKERS), Value("i"), Value("i")

def fetch(kept):
    control = socket.create_connection((host, 21), timeout=60)
    lines = control.makefile("rb")

    def say(line):
        control.sendall(line.encode() + b"\\r\\n")
        return lines.readline()

    if lines.readline()[:3] != b"220":
        return refused
    say("USER ftp")
    port = int(say("EPSV").split(b"|||")[1].split(b"|")[0])
    data = socket.socket()
    data.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    data.settimeout(60)
    data.connect((host, port))
    assert say("RETR " + path)[:3] == b"150"
    kept += [control, lines, data]
    return served

def work(number):
    kept = []
    for _ in range(number, count, WORKERS):
        counter = fetch(kept)
        with counter.get_lock():
            counter.value += 1
    together.wait(120)

workers = [Process(target=work, args=(number,)) for number in range(WORKERS)]
for one in workers:
    one.start()
for one in workers:
    one.join()
print(served.value, refused.value)
"""


def test_all_machines_of_the_site_fetch_by_ftp_from_one_address(
    start: Start, client: Container, place: Place
) -> None:
    """As many files at once as the limits are made for, all from one address: nobody is refused."""
    limits = connection_limits(load(place.etc / "current/sidecar/site.json"))
    start("vsftpd", ip=42).healthy()
    count = limits.ftp_sessions - OWN_SESSIONS
    crowd = ("exec", client.name, "python3", "-c", CROWD, place.address(42), FILE)
    assert docker(*crowd, str(count), timeout_s=300).stdout.split() == [str(count), "0"]


TALK = """
import socket, sys
host, asked = sys.argv[1], bytes.fromhex(sys.argv[2])
one = socket.create_connection((host, 80), timeout=10)
one.sendall(asked)
if b"Connection: close" not in asked:
    one.shutdown(socket.SHUT_WR)
got = b""
while data := one.recv(65536):
    got += data
print(got.hex())
"""


def get(path: str, more: str = "", method: str = "GET", version: str = "1.1") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n{more}\r\n".encode()


SMALL = "/ks/cli129.ks"
H2C = "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
TWICE = {
    "upgrade": get(SMALL, H2C), "bare-lf": get(SMALL).replace(b"\r", b""), "no-colon": get(SMALL, "odd\r\n"),
    "empty-lines": b"\r\n\n" + get(SMALL), "folded": get(SMALL, "A: b\r\n c\r\n"),
    "spaces": get(SMALL).replace(b"GET ", b"GET   ").replace(b"1.1\r", b"1.1  \r"),
    "1.0": get(SMALL, "Connection: keep-alive\r\n", version="1.0"), "1.0-closes": get(SMALL, version="1.0"),
    "absolute": get("http://x" + SMALL), "path": get("//ks/./none/../cli129.ks?a#b"),
    "post": get(SMALL, "Content-Length: 5\r\n", "POST") + b"hello", "head": get(SMALL, method="HEAD"),
    "expect": get(SMALL, "Expect: 100-continue\r\n"), "304": get(SMALL, "If-None-Match: *\r\n"),
    "416": get(SMALL, "Range: bytes=999999-\r\n"), "range": get(SMALL, "Range: bytes=5-9\r\n"),
    "404": get("/none"), "redirect": get("/trees"),
}
BEFORE_ONE = {
    "above": get("/../../x"), "lower-case": get(SMALL, method="get"), "nonsense": b"nonsense\r\n\r\n",
    "2": get(SMALL, version="2.0"), "length": get(SMALL, "Content-Length: x\r\n"),
    "lengths": get(SMALL, "Content-Length: 0\r\n" * 2), "tls": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1",
}
UNUSUAL = {**{name: one * 2 for name, one in TWICE.items()},
           **{name: one + get(SMALL) for name, one in BEFORE_ONE.items()}}


@pytest.fixture(scope="module")
def nginx(start: Start, place: Place) -> str:
    """Its address."""
    start("httpd", ip=43).healthy()
    return place.address(43)


def answers(client: Container, address: str, asked: bytes) -> bytes:
    return bytes.fromhex(client.exec("python3", "-c", TALK, address, asked.hex()).stdout.strip())


def tracked(asked: bytes, said: bytes, facts: tuple[int, int] | None = None) -> HttpTracker:
    """What the recorder knows after this exchange, whose answers came in one segment."""
    one = HttpTracker(Reassembler(1), 1)
    one.from_client(1, asked, len(asked))
    files = dict.fromkeys(one.pending, facts) if facts is not None else {}
    one.from_server(1, said, files)
    return one


@pytest.mark.parametrize("name", UNUSUAL)
def test_the_answers_to_unusual_requests_are_followed_to_their_end(
    nginx: str, client: Container, name: str
) -> None:
    said = answers(client, nginx, UNUSUAL[name])
    assert said.startswith(b"HTTP/1.1 ")
    one = tracked(UNUSUAL[name], said)
    assert one.understood, said[:300]
    assert one.next_head == len(said), said[:300]
    assert not one.pending
    assert one.partial_request == b""
    # A file comes from the tree, all else from the record.
    assert all(found.repeatable for found in one.responses)


@pytest.mark.parametrize(
    "ranges", ["0-9,100-2000", "0-0,5-5,-7", "2999990-,0-3000000", "9-1,3-4,5-6", "0-9,5-14"])
def test_several_ranges_of_nginx_are_made_again_byte_by_byte(
    nginx: str, client: Container, place: Place, ranges: str
) -> None:
    asked = get(FILE, f"Range: bytes={ranges}\r\nConnection: close\r\n")
    said = answers(client, nginx, asked)
    one = tracked(asked, said[:4000])
    (found,) = one.responses
    tree = PublishedTree(place.trees.parent)
    key = ConnectionKey.unpack(bytes(12))
    record = ConnectionRecord(key, ConnectionKind.HTTP, 1, 1, 1 + len(asked), SynOptions(), SynOptions(),
                              responses=(found,))
    if said.startswith(b"HTTP/1.1 206") and b"multipart" in said[:400]:
        assert found.parts, said[:600]
    for position in (0, 1, len(found.head), len(found.head) + 5, len(said) // 2, len(said) - 3, len(said)):
        plan = plan_takeover(record, ClientPosition(1 + len(asked), 1 + position, 1000), tree)
        assert isinstance(plan, Rebuild), plan
        assert b"".join(map(in_bytes(place), plan.pieces)) == said[position:]


def in_bytes(place: Place) -> Callable[[Piece], bytes]:
    content = (place.trees / FILE.removeprefix("/trees/")).read_bytes()

    def of(one: Piece) -> bytes:
        return content[one.offset:one.offset + one.length] if isinstance(one, FilePart) else one

    return of


def test_a_listing_of_nginx_is_the_same_where_its_digest_is(
    nginx: str, start: Start, client: Container, place: Place
) -> None:
    """Of another copy of the tree, as another server has it; and not of one that differs."""
    other = place.trees.parent / "copied"
    subprocess.run(("cp", "-a", str(place.trees), str(other)), check=True)
    mounts = [mount.replace(f"{place.trees}:", f"{other}:") for mount in mounts_of("httpd", place, "")]
    start("httpd", ip=44, mounts=mounts).healthy()
    asked = get("/trees/rh9/", version="1.0")

    def body(address: str) -> bytes:
        return answers(client, address, asked).partition(b"\r\n\r\n")[2]

    def digest(trees: str) -> tuple[int, int] | None:
        return PublishedTree(place.trees.parent).web_listing_facts(f"/{trees}/rh9/".encode())

    assert body(nginx) == body(place.address(44)) != b""
    assert digest("trees") == digest("copied") is not None
    (other / "rh9/new").write_bytes(b"x")
    assert body(nginx) != body(place.address(44))
    assert digest("trees") != digest("copied")

"""Actions, secrets and socket of the process that talks to BMCs; a toy kind from outside stands for them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from twinboot.kinds import POWER
from twinboot.power.host import actions, secrets, serve
from twinboot.power.host.actions import Actions
from twinboot.power.host.health import health
from twinboot.power.logic import talk, targets
from twinboot.power.logic.kind import Action, Firmware, PowerFailed, PowerKind, Reason
from twinboot.power.logic.pace import Pace
from twinboot.power.logic.talk import Answer, Question
from twinboot.power.logic.targets import Target, Targets
from twinboot.private_socket import listen


class Toy:
    """A machine behind a BMC of its own kind."""

    def __init__(self, *, on: bool = False, fails: str = "") -> None:
        self.powered, self.fails, self.done = on, fails, list[str]()

    def is_on(self) -> bool:
        return self.powered

    def on(self) -> None:
        self._do("on")

    def off(self) -> None:
        self._do("off")

    def cycle(self) -> None:
        self._do("cycle")

    def network_once(self, firmware: Firmware) -> None:
        self._do(f"network {firmware.value}".strip())

    def _do(self, what: str) -> None:
        if what.startswith(self.fails or "-"):
            raise PowerFailed(Reason.NO_OVERRIDE, f"cannot {what}")
        self.done.append(what)


@pytest.mark.parametrize(("on", "action", "done", "said"), [
    (False, Action.STATUS, [], "off"),
    (True, Action.STATUS, [], "on"),
    (False, Action.ON, ["on"], "switched on"),
    (True, Action.ON, [], "is on already"),
    (True, Action.OFF, ["off"], "switched off"),
    (False, Action.OFF, [], "is off already"),
    (True, Action.CYCLE, ["cycle"], "restarted"),
    (False, Action.CYCLE, ["on"], "switched on"),
    (True, Action.NETWORK, ["network uefi", "cycle"], "network boot set once, restarted"),
    (False, Action.NETWORK, ["network uefi", "on"], "network boot set once, switched on"),
])
def test_each_action(on: bool, action: Action, done: list[str], said: str) -> None:
    toy = Toy(on=on)
    assert actions.carry_out(toy, action, Firmware.UEFI) == said
    assert toy.done == done


def test_nothing_is_restarted_when_network_boot_cannot_be_set() -> None:
    toy = Toy(on=True, fails="network")
    with pytest.raises(PowerFailed):
        actions.carry_out(toy, Action.NETWORK, Firmware.UEFI)
    assert toy.done == []


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets/power"
    folder.mkdir(parents=True)
    (folder / "bmc").write_text("swordfish\nnot this line\n")
    one = Target("toy", "10.0.8.1", "twinboot", "secrets/power/bmc")
    known = Targets({"one": one, "bios": replace(one, firmware="bios"), "lost": replace(
        one, password_file="secrets/power/lost"), "odd": replace(one, kind="gone")})  # fmt: skip
    (tmp_path / "power.json").write_text(targets.encode(known))
    return tmp_path


@contextmanager
def toy_kind(toy: Toy, *, broken: bool = False) -> Iterator[list[str]]:
    passwords: list[str] = []

    @contextmanager
    def opened(_target: Target, password: str) -> Iterator[Toy]:
        passwords.append(password)
        if broken:
            raise KeyError("a BMC says what nobody expects")
        yield toy

    with POWER.registered(PowerKind("toy", 1, frozenset(), lambda _user: iter(()), opened)):
        yield passwords


def test_a_host_is_found_with_its_password_and_its_firmware(place: Path) -> None:
    toy = Toy(on=True)
    made = Actions(place / "power.json", place)
    with toy_kind(toy) as passwords:
        assert made.do(Question(Action.NETWORK, "one", Firmware.UEFI)).ok
        assert made.do(Question(Action.NETWORK, "bios", Firmware.UEFI)).ok
        assert made.do(Question(Action.STATUS, "nobody")).reason == "unknown-host"
        assert made.do(Question(Action.STATUS, "lost")).reason == "secret"
        assert made.do(Question(Action.STATUS, "odd")).reason == "refused"
    assert passwords == ["swordfish", "swordfish"]
    assert toy.done == ["network uefi", "cycle", "network bios", "cycle"], "the site's word counts before"
    with toy_kind(toy, broken=True):
        assert made.do(Question(Action.STATUS, "one")).reason == "refused"
    (place / "power.json").write_text("broken")
    assert made.do(Question(Action.STATUS, "one")).reason == "unknown-host"
    (place / "power.json").unlink()
    assert made.do(Question(Action.STATUS, "one")).reason == "unknown-host"


def test_secrets(place: Path) -> None:
    folder = place / "secrets/power"
    assert secrets.password(place, "secrets/power/bmc") == "swordfish"
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe")
    (place / "secrets/heartbeat.key").write_text("00" * 32)
    (folder / "out").symlink_to("../heartbeat.key")
    for name in ("empty", "binary", "out", "none"):
        with pytest.raises(PowerFailed) as caught:
            secrets.password(place, f"secrets/power/{name}")
        assert caught.value.reason is Reason.SECRET
        assert name in caught.value.text


def test_what_passes_between_the_two() -> None:
    question = Question(Action.NETWORK, "one", Firmware.UEFI_HTTP)
    assert talk.question_of(talk.question_line(question)) == question
    assert talk.question_of(b"{}\n") is None
    answer = Answer(False, "no", "password")
    assert talk.answer_of(talk.answer_line(answer)) == answer
    for line in (b"[]x", b"[1]", b'{"do": "explode", "host": "one"}', b'{"host": "one"}', b"7", b"[" * 5000):
        with pytest.raises(ValueError, match=r"\w"):
            talk.question_of(line)
    told = talk.failed(PowerFailed(Reason.REFUSED, "\x1b[31mred\n" + "x" * 1000)).said
    assert told.isprintable()
    assert len(told) <= 400
    known = Targets({"one": Target("toy", "a:7", "u", "f", firmware="uefi")}, 2.5)
    assert targets.decode(targets.encode(known)) == known
    assert known.hosts["one"].host_and_port(443) == ("a", 7)
    newer = targets.encode(known).replace('"kind"', '"more": "x", "kind"')
    assert targets.decode(newer) == known, "what a newer release says besides is skipped"
    for text in ("", "[]", '{"hosts": 7}', '{"hosts": {"one": {}}, "interval_s": 1}'):
        with pytest.raises(ValueError, match=r"\w"):
            targets.decode(text)


def test_machines_are_switched_on_one_after_the_other() -> None:
    pace = Pace()
    assert [pace.wait_s(100.0, 1.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert pace.wait_s(102.5, 1.0) == 0.5
    assert pace.wait_s(200.0, 1.0) == 0.0
    assert [Pace().wait_s(1.0, 0.0) for _ in range(2)] == [0.0, 0.0]


def test_the_socket_answers_many_at_once(tmp_path: Path) -> None:
    path = tmp_path / "power.sock"
    both = threading.Barrier(2, timeout=60)

    def do(question: Question) -> Answer:
        both.wait()
        return Answer(True, question.host)

    serve.serve(listen(path), do)
    assert health(path) == 0
    assert health(tmp_path / "none") == 1

    def ask(host: str, found: list[str]) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(str(path))
            sock.sendall(talk.question_line(Question(Action.STATUS, host)))
            found.append(talk.answer_of(sock.makefile("rb").readline()).said)

    found: list[str] = []
    threads = [threading.Thread(target=ask, args=(host, found)) for host in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(found) == ["one", "two"], "one BMC that hangs holds up nobody"
    assert not json.loads(serve.answer(b"rubbish\n", do))["ok"]

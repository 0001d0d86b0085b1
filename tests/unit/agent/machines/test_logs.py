"""What installers say by syslog, over real sockets, in files with bounds."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twinboot.agent.machines.logs.log_files import LogFiles, tail
from twinboot.agent.machines.logs.log_port import LogPort
from twinboot.commands import client, logs

LIMIT_S = 60.0


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[LogPort]:
    """127.0.0.2 is the host `one`; 127.0.0.1 is nobody's."""
    made = LogPort(LogFiles(tmp_path / "logs"), {"127.0.0.2": "one"}.get, address="127.0.0.1", port=0)
    made.start()
    yield made
    made.close()


def said(tmp_path: Path) -> list[str]:
    path = tmp_path / "logs/one.log"
    return [line.split(" ", 2)[2] for line in path.read_text().splitlines()] if path.exists() else []


def test_a_known_machine_is_heard_by_udp_and_tcp_and_nobody_else(port: LogPort, tmp_path: Path) -> None:
    for source in ("127.0.0.1", "127.0.0.2"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind((source, 0))
            udp.sendto(f"<11>Nov 29 21:00:01 localhost anaconda: {source}".encode(), ("127.0.0.1", port.port))
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port.port), source_address=(source, 0)) as tcp,
        ):
            tcp.sendall(b"<14>program: first\n<14>program: sec")
            tcp.sendall(b"ond")
    until(lambda: len(said(tmp_path)) >= 3)
    assert sorted(said(tmp_path)) == [
        "err anaconda: 127.0.0.2", "info program: first", "info program: second"
    ]  # fmt: skip
    assert [one.name for one in (tmp_path / "logs").iterdir()] == ["one.log"]


def test_a_stream_without_an_end_of_line_is_bounded(port: LogPort, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", port.port), source_address=("127.0.0.2", 0)) as tcp:
        tcp.sendall(b"x" * 100_000)
        until(lambda: len(said(tmp_path)) >= 5)
    assert max(map(len, said(tmp_path))) < 1100


def test_a_port_in_use_is_told(port: LogPort, tmp_path: Path) -> None:
    other = LogPort(LogFiles(tmp_path / "other"), lambda _: None, address="127.0.0.1", port=port.port)
    with pytest.raises(OSError, match="in use"):
        other.start()


def test_files_of_a_machine_and_of_all_are_bounded(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, file_bytes=1000, all_bytes=5000)
    for number in range(200):
        files.append("one", [f"{number:03} " + "x" * 40])
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes.keys() == {"one.log", "one.log.old"}
    assert all(size <= 1000 for size in sizes.values())
    assert (tmp_path / "one.log").read_text().splitlines()[-1].startswith("199 ")
    for host in ("two", "three", "four", "five", "six"):
        files.append(host, ["y" * 900])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 5000
    assert not list(tmp_path.glob("one.*")), "it was heard longest ago"
    again = LogFiles(tmp_path, file_bytes=1000, all_bytes=2000)
    again.append("six", ["z"])
    assert (tmp_path / "six.log").read_text().endswith("z\n")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000, "after a restart, too"


def test_logs_are_printed_in_order_and_name_the_servers_where_several_have_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = {"ok": True, "lines": [["server1", "1 a"], ["server2", "2 b"]], "left_out": ["server2"],
             "silent": ["server3"]}
    monkeypatch.setattr(client, "ask", lambda *_, **__: reply)
    logs.run("one", follow=False, folder=tmp_path)
    told = capsys.readouterr()
    assert told.out == "server1 1 a\nserver2 2 b\n"
    assert "server3 gave no answer" in told.err
    reply["lines"] = [["server2", "2 b"]]
    logs.run("one", follow=False, folder=tmp_path)
    assert capsys.readouterr().out == "2 b\n"
    reply["lines"] = []
    with pytest.raises(SystemExit) as ended:
        logs.run("two", follow=False, folder=tmp_path)
    assert ended.value.code == 1


def test_the_end_of_what_was_kept_is_told_in_whole_lines(tmp_path: Path) -> None:
    assert tail(tmp_path, "one", 100) == ("", False)
    (tmp_path / "one.log.old").write_text("first\n")
    (tmp_path / "one.log").write_text("second\nthird\n")
    assert tail(tmp_path, "one", 100) == ("first\nsecond\nthird\n", False)
    assert tail(tmp_path, "one", 9) == ("third\n", True)


def test_what_is_added_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "one.log"
    path.write_text("old\n")
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    steps = iter([lambda: path.open("a").write("more\n"), lambda: path.rename(tmp_path / "one.log.old"),
                  lambda: path.write_text("anew\n")])  # fmt: skip

    def sleep(_seconds: float) -> None:
        try:
            next(steps)()
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(logs.time, "sleep", sleep)
    monkeypatch.setattr(client, "ask", lambda *_, **__: {
        "ok": True, "lines": [["server1", "old"]], "left_out": [], "silent": []})
    logs.run("one", follow=True, folder=tmp_path)
    assert written.getvalue() == "old\nmore\nanew\n"

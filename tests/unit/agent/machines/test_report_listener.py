"""The socket by which installers report, asked as the HTTP service asks, and as nobody should."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from keeperworld import Cable, Place, until
from twinboot.agent.machines import report_listener as report_listeners
from twinboot.agent.machines.report_listener import MAX_AT_ONCE, ReportListener

PROGRESS = "/report/one/progress?token=0123456789abcdef-1&n=3&of=9"
START = "/report/one/start?token=0123456789abcdef-1"


def request(target: str, address: str = "192.168.0.10") -> bytes:
    fields = ("CONTENT_LENGTH", "0", "SCGI", "1", "REQUEST_METHOD", "GET", "REQUEST_URI", target,
              "REMOTE_ADDR", address)  # fmt: skip
    head = "".join(f"{one}\0" for one in fields).encode()
    return b"%d:%s," % (len(head), head)


class Caller:
    def __init__(self, path: Path) -> None:
        self.path = path

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(self.path))

    async def ask(self, *parts: bytes, eof: bool = False) -> str:
        """The line that is answered; "" when there is none."""
        reader, writer = await self.open()
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        if eof:
            writer.write_eof()
        try:
            said = (await asyncio.wait_for(reader.read(), 60)).decode()
        except ConnectionError:
            said = ""
        writer.close()
        return said.rpartition("\r\n")[2].strip()


def run(folder: Path, scenario: Callable[[Caller], Awaitable[None]]) -> None:
    async def main() -> None:
        made = Place(folder, "server1").keeper(Cable(), [])
        await until(lambda: made.disk.loaded)
        made.table.ready = True
        listener = ReportListener(made, lambda: 0.0)
        await listener.start(folder / "report.sock")
        try:
            await scenario(Caller(folder / "report.sock"))
        finally:
            listener.close()
            made.close()

    asyncio.run(main())


def test_each_request_has_its_line_however_it_arrives(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        assert await caller.ask(request(START)) == "go"
        assert await caller.ask(request(PROGRESS)) == "ok"
        whole = request(PROGRESS)
        assert await caller.ask(*(whole[at:at + 40] for at in range(0, len(whole), 40))) == "ok"
        assert await caller.ask(whole, eof=True) == "ok"
        assert await caller.ask(whole + b"and a body") == "ok", "what comes after is dropped"
        assert (await caller.ask(request(PROGRESS, "192.168.0.11"))).startswith("no ")
        assert (await caller.ask(request("/report/nobody/start?token=0123456789abcdef-1"))).startswith("no ")
        assert (await caller.ask(request("/report/one/start?token=short"))).startswith("no ")

    run(tmp_path, scenario)


@pytest.mark.parametrize("said", [
    b"GET / HTTP/1.1\r\n\r\n", b"99999999:", b"16385:x", b"5:abcde;", b"3:abc,", b"\0" * 300_000,
    b"12:a\0b\0c\0d,",
], ids=("http", "a long number", "too much", "no comma", "no pairs", "zeros", "cut off"))  # fmt: skip
def test_who_is_not_the_http_service_is_told_nothing(tmp_path: Path, said: bytes) -> None:
    async def scenario(caller: Caller) -> None:
        assert await caller.ask(said, eof=True) == ""
        assert await caller.ask(request(START)) == "go", "all others are served on"

    run(tmp_path, scenario)


def test_who_says_nothing_takes_no_place_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_listeners, "READ_S", 0.5)

    async def scenario(caller: Caller) -> None:
        silent = [await caller.open() for _ in range(MAX_AT_ONCE)]
        silent[0][1].write(request(START)[:20])
        assert await caller.ask(request(START)) == "wait too many ask at once"
        for reader, writer in silent:
            with contextlib.suppress(ConnectionError):  # an end is as good
                assert not await asyncio.wait_for(reader.read(), 60)
            writer.close()
        assert await caller.ask(request(START)) == "go"

    run(tmp_path, scenario)


def test_who_has_gone_before_the_answer_frees_its_place(tmp_path: Path) -> None:
    async def scenario(caller: Caller) -> None:
        for _ in range(2 * MAX_AT_ONCE):
            _, writer = await caller.open()
            writer.write(request(START))
            await asyncio.sleep(0)
            writer.transport.abort()
        await asyncio.sleep(0.1)
        assert (await caller.ask(request(PROGRESS, "192.168.0.12"))).startswith("no 192.168.0.12 is not")

    run(tmp_path, scenario)

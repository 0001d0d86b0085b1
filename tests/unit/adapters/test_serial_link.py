"""The serial link on pseudo-terminals: what it does when the line is slow, foul, stuck, pulled or plugged."""

from __future__ import annotations

import asyncio
import os
import termios
import tty
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from agentfakes import until
from twinboot.adapters.links.serial import SerialLink, SerialSpec, resolve_device
from twinboot.adapters.links.serial import link as serial
from twinboot.wire.cluster.framing import Deframer, frame


class Port:
    """A port of this server (a name in `dev`) and the far end of its line."""

    def __init__(self, dev: Path) -> None:
        self.dev = dev
        self.name = dev / "ttyS0"
        self.far = -1
        (dev / "pts").symlink_to("/dev/pts")

    def plug(self) -> None:
        self.far, near = os.openpty()
        tty.setraw(near)
        self.name.symlink_to(os.ttyname(near))
        os.close(near)
        os.set_blocking(self.far, False)

    def unplug(self) -> None:
        self.name.unlink()
        os.close(self.far)
        self.far = -1

    def arrived(self, size: int = 1 << 16) -> bytes:
        try:
            return os.read(self.far, size)
        except BlockingIOError:
            return b""


Scenario = Callable[[SerialLink, Port, list[bytes]], Awaitable[None]]


def tell(tmp_path: Path, scenario: Scenario, *, speed: int = 115200, plugged: bool = True) -> None:
    """Run a scenario of one link that is started."""

    async def run() -> None:
        port, got = Port(tmp_path), list[bytes]()
        if plugged:
            port.plug()
        spec = SerialSpec("serial", "/dev/ttyS0", speed)
        link = SerialLink(spec, lambda _, data: got.append(data), tmp_path)
        link.start()
        try:
            await scenario(link, port, got)
        finally:
            link.close()
            if port.far >= 0:
                port.unplug()

    asyncio.run(run())


def has(got: list[bytes], count: int) -> Callable[[], bool]:
    return lambda: len(got) == count


def heard(port: Port, deframer: Deframer, found: list[bytes]) -> int:
    found += deframer.feed(port.arrived())
    return len(found)


def test_messages_pass_both_ways(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        every = bytes(range(256))
        link.send(every)
        found: list[bytes] = []
        deframer = Deframer()
        await until(lambda: heard(port, deframer, found) == 1, "the far end has it")
        os.write(port.far, frame(every) + frame(b"two")[:-1])
        await until(lambda: got == [every], "it came in")
        os.write(port.far, frame(b"two")[-1:])
        await until(lambda: got == [every, b"two"], "the other half")
        assert found == [every]
        assert link.fault == ""

    tell(tmp_path, scenario)


def test_the_port_is_set_up_for_plain_bytes(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        now = termios.tcgetattr(port.far)
        assert now[2] & termios.CSIZE == termios.CS8
        assert now[2] & termios.CLOCAL
        assert now[2] & (termios.CRTSCTS | termios.PARENB | termios.CSTOPB) == 0
        assert now[0] & (termios.IXON | termios.IXOFF | termios.ICRNL | termios.ISTRIP) == 0
        assert (now[1] & termios.OPOST, now[3] & (termios.ECHO | termios.ICANON | termios.ISIG)) == (0, 0)
        assert now[4] == now[5] == termios.B57600

    tell(tmp_path, scenario, speed=57600)


def test_a_slow_line_carries_the_newest(tmp_path: Path) -> None:
    """At 9600 bit/s a message of 100 bytes takes 0.11 s: of 30 given at once, the first and the last."""

    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for number in range(30):
            link.send(bytes((number,)) * 100)
        found: list[bytes] = []
        deframer = Deframer()
        await until(lambda: heard(port, deframer, found) > 0 and found[-1][0] == 29, "the newest arrives")
        lasted = loop.time() - begun
        assert found[0][0] == 0
        assert lasted > 0.1, "the line was not given its time"
        assert len(found) <= 2 + lasted / 0.1
        assert link.superseded == 30 - len(found)

    tell(tmp_path, scenario, speed=9600)


def test_what_nobody_reads_is_dropped_and_the_newest_comes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial, "STUCK_S", 0.0)

    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        def stuck() -> bool:
            link.send(b"old" * 300)
            return link._line_queue.partly_written

        await until(stuck, "the line takes no more")
        for _ in range(100):
            link.send(b"old" * 300)
        assert link.superseded >= 99
        found: list[bytes] = []
        deframer = Deframer()
        link.send(b"new")
        link.check()
        await until(lambda: heard(port, deframer, found) > 0 and found[-1] == b"new", "the newest arrives")
        # the far end's own buffer cannot be taken back; what waited for room in it can
        assert len(found) < 10, f"{len(found)}: what lay in the kernel came first"

    tell(tmp_path, scenario, speed=4000000)


def test_garbage_is_survived_and_a_lasting_one_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        for second in range(4):
            os.write(port.far, b"\x00\xff~console login: ~\x7d~" + frame(b"%d" % second))
            await until(has(got, second + 1), "the frame behind the garbage")
            link.check()
        assert got == [b"0", b"1", b"2", b"3"]
        link.check()
        assert [record.message.split()[0] for record in caplog.records] == ["link-noisy", "link-clear"]

    caplog.set_level("INFO")
    tell(tmp_path, scenario)


def test_a_device_that_is_absent_is_a_warning_and_used_when_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        assert link.fault == "no such device"
        link.send(b"into the void")
        link.check()
        port.plug()
        await until(lambda: link.open, "it is opened")
        os.write(port.far, frame(b"hello"))
        await until(lambda: got == [b"hello"], "it works")
        assert link.fault == ""
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]

    caplog.set_level("INFO")
    tell(tmp_path, scenario, plugged=False)


def test_an_adapter_may_be_pulled_and_plugged(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        for turn in range(3):
            os.write(port.far, frame(b"cut short")[:5])
            await until(lambda: bool(link._frames._buffer), "half a frame is here")
            port.unplug()
            await until(lambda: not link.open, "the hangup is noticed")
            assert link.fault
            port.plug()
            await until(lambda: link.open, "it is opened again")
            os.write(port.far, frame(b"%d" % turn))
            await until(has(got, turn + 1), "it works again")
            assert link.garbled == 0, "the half of an old frame is no garbage of the new line"

    tell(tmp_path, scenario)


def test_another_device_under_the_same_name_is_opened(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        old = port.far
        link.check()
        assert link.open
        port.name.unlink()
        port.plug()
        link.check()
        await until(lambda: link.open, "the new one is opened")
        os.write(port.far, frame(b"new"))
        await until(lambda: got == [b"new"], "it works")
        os.close(old)

    tell(tmp_path, scenario)


def test_after_a_freeze_what_lies_in_the_buffer_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        os.write(port.far, frame(b"before"))
        await until(lambda: got == [b"before"], "it works")
        link._last_turn_at -= serial.STALE_S + 1  # as after a SIGSTOP of this length
        os.write(port.far, frame(b"old"))
        await until(lambda: link.stale == 1, "the pause is noticed")
        os.write(port.far, frame(b"new"))
        await until(lambda: got[-1] == b"new", "news are taken")
        assert got == [b"before", b"new"]

    tell(tmp_path, scenario)


def test_the_port_of_another_agent_is_left_alone(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        second = SerialLink(link.spec, lambda _, data: None, tmp_path)
        second.start()
        assert (second.open, second.fault) == (False, "another process uses it")
        link.close()
        await until(lambda: second.open, "it is free now")
        second.close()

    tell(tmp_path, scenario)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("file", "not a serial port"), ("null", "not a serial port"), ("loop", "too many links")],
)
def test_what_is_no_port_is_told(tmp_path: Path, kind: str, reason: str) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        assert reason in link.fault

    if kind == "file":
        (tmp_path / "ttyS0").write_text("no port")
    elif kind == "null":
        (tmp_path / "server").symlink_to("/dev")
        (tmp_path / "ttyS0").symlink_to("server/null")
    else:
        (tmp_path / "ttyS0").symlink_to("ttyS0")
    tell(tmp_path, scenario, plugged=False)


def test_a_container_without_devices_is_told_from_a_missing_device(tmp_path: Path) -> None:
    async def run() -> None:
        link = SerialLink(SerialSpec("serial", "/dev/ttyS0", 9600), lambda _, data: None, tmp_path / "none")
        link.start()
        assert "TWINBOOT_OVERLAY=serial.yaml" in link.fault
        link.close()

    asyncio.run(run())


def test_links_below_dev_are_followed_as_the_server_means_them(tmp_path: Path) -> None:
    (tmp_path / "serial/by-id").mkdir(parents=True)
    (tmp_path / "serial/by-id/usb-one").symlink_to("../../ttyUSB3")
    (tmp_path / "modem").symlink_to("/dev/serial/by-id/usb-one")
    assert resolve_device(tmp_path, "/dev/serial/by-id/usb-one") == tmp_path / "ttyUSB3"
    assert resolve_device(tmp_path, "/dev/modem") == tmp_path / "ttyUSB3"
    assert resolve_device(tmp_path, "/dev/ttyS1") == tmp_path / "ttyS1"


def test_closing_waits_for_nothing(tmp_path: Path) -> None:
    async def scenario(link: SerialLink, port: Port, got: list[bytes]) -> None:
        for _ in range(50):
            link.send(b"x" * 1000)
        begun = asyncio.get_running_loop().time()
        link.close()
        link.send(b"after the end")
        link.check()
        assert asyncio.get_running_loop().time() - begun < 5

    tell(tmp_path, scenario, speed=9600)

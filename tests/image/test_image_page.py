"""The contract of images/README.md, asked of the page's image, as hardened as compose runs it; and its
API, by requests of every form that its own description allows, and of others."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fakesidecar import BY_HTTPS, FakeSidecar
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from imagestack import Container, arguments, docker, wait
from schemathesis import GenerationMode
from test_image_contract import check_config, of_the_daemon, processes

UID = 952


class PlayedSidecar:
    """Answers on a socket in a folder, in a thread."""

    def __init__(self, path: Path) -> None:
        self.fake = FakeSidecar()
        self._loop = asyncio.new_event_loop()
        self._path = path
        threading.Thread(target=self._run, daemon=True).start()
        wait("the played sidecar", path.exists)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_unix_server(self._serve, self._path, limit=16 << 20))
        self._path.chmod(0o666)
        self._loop.run_forever()
        server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            writer.write(await self.fake.ask(request.pop("cmd"), request))
            await writer.drain()
        writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture(scope="module")
def folders() -> Iterator[tuple[Path, Path]]:
    """As the volumes `page` and `page-ipc` are."""
    root = Path(tempfile.mkdtemp(prefix="page-", dir="/tmp"))
    root.chmod(0o755)
    made = root / "page", root / "line"
    for one in made:
        one.mkdir()
    if os.geteuid() == 0:
        os.chown(made[0], UID, 33)
        os.chown(made[1], 0, UID)
        for one in made:
            one.chmod(0o750)
    else:
        made[0].chmod(0o777)
    yield made
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def sidecar(folders: tuple[Path, Path]) -> Iterator[FakeSidecar]:
    made = PlayedSidecar(folders[1] / "sidecar.sock")
    yield made.fake
    made.close()


@pytest.fixture(scope="module")
def page(folders: tuple[Path, Path], model: dict[str, Any]) -> Iterator[Container]:
    name, spec = f"imgtest-page-{os.getpid()}", model["page"]
    mounts = [f"{folders[0]}:/run/page", f"{folders[1]}:/run/page-ipc:ro"]
    docker("run", "-d", "--name", name, "--network", spec["network_mode"],
           *arguments(spec, mounts, floor=False), spec["image"])  # fmt: skip
    try:
        yield Container(name).healthy()
    finally:
        docker("rm", "-f", name, check=False)


def ask(folders: tuple[Path, Path], request: str, limit: int = 65536) -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(folders[0] / "page.sock"))
        sock.sendall(f"{request} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while len(said) < limit and (more := sock.recv(65536)):
            said += more
    return said.decode()


def test_it_answers_and_says_when_the_sidecar_does_not_run(
    page: Container, folders: tuple[Path, Path]
) -> None:
    assert ask(folders, "GET /api/v1/version").startswith("HTTP/1.1 200 ")
    assert not (folders[1] / "sidecar.sock").exists(), "the first test of this folder"
    said = ask(folders, "GET /api/v1/status")
    assert said.startswith("HTTP/1.1 503 ")
    assert "the sidecar of this server does not run" in said


def test_it_has_no_right_no_network_and_no_place_to_write(page: Container, model: dict[str, Any]) -> None:
    for status in of_the_daemon(processes(page)):
        assert status["Uid"].split() == [str(UID)] * 4
        assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["NoNewPrivs"] == "1"
    assert page.exec("sh", "-c", "ls /sys/class/net", user=str(UID)).stdout.split() == ["lo"]
    for path in ("/x", "/usr/x", "/run/page-ipc/x", "/var/x"):
        assert page.exec("touch", path, check=False, user=str(UID)).returncode != 0, path
    assert page.inspect()["HostConfig"]["Memory"] == int(model["page"]["mem_limit"])
    assert page.exec("find", "/", "-xdev", "-type", "f", "-perm", "/6000").stdout == ""


def test_labels_and_settings(model: dict[str, Any]) -> None:
    found = json.loads(docker("image", "inspect", model["page"]["image"]).stdout)[0]["Config"]
    check_config(found, "page")
    assert found["Labels"]["org.opencontainers.image.title"] == "twinboot page"


def test_no_request_of_any_form_makes_it_fail(
    page: Container, folders: tuple[Path, Path], sidecar: FakeSidecar
) -> None:
    """By schemathesis, with a fixed seed: every route, every parameter, right and wrong values."""
    with ByTcp(folders[0] / "page.sock") as port:
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/api/v1/openapi.json")
        found = Counter[int]()
        for one in schema.exclude(path="/api/v1/events").get_all_operations():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                found += _try(one.ok(), mode)
    assert found.total() > 120
    assert {200, 202, 404, 422} <= set(found) <= {200, 202, 400, 404, 422}
    assert page.running()
    assert "Traceback" not in page.output()


def _try(operation: Any, mode: GenerationMode) -> Counter[int]:
    """Of many requests, how often there was which status."""
    seen = Counter[int]()

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=10, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    def one(case: schemathesis.Case) -> None:
        response = case.call(headers=BY_HTTPS)
        seen[response.status_code] += 1
        case.validate_response(response, headers=BY_HTTPS)

    with contextlib.suppress(Unsatisfiable):  # there is nothing in this request that could be wrong
        one()
    return seen


class ByTcp:
    """The page's socket, by a port of this machine's loopback."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            page = socket.socket(socket.AF_UNIX)
            page.connect(str(self._path))
            for source, target in ((client, page), (page, client)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_term_ends_it_in_time_with_an_event_stream_open(page: Container, folders: tuple[Path, Path],
                                                         sidecar: FakeSidecar) -> None:
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(str(folders[0] / "page.sock"))
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: page\r\n\r\n")
        stream.settimeout(10)
        assert b"event-stream" in stream.recv(4096)
        begun = time.monotonic()
        docker("stop", "-t", "10", page.name)
        assert time.monotonic() - begun < 5
    assert page.exit_code() in (0, 143), page.output()
    docker("start", page.name)
    page.healthy()

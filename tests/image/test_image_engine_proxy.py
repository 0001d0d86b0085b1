"""The engine proxy in front of the Docker engine, attacked from a sidecar that was broken into.

The intruder runs in the sidecar's own container, hardened and mounted as compose says, and talks to the
real engine proxy in front of the real engine.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from imagestack import Container, arguments, docker, remove, start_engine_proxy, wait

# Sends lines, one a connection; prints the answers, "closed" where there was none.
TALK = """
import json, socket, sys
for line in json.load(sys.stdin):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect("/run/engine-proxy/engine-proxy.sock")
        try:
            s.sendall(line.encode("latin-1"))
            print(s.makefile().readline().strip() or "closed")
        except OSError as exc:
            print("closed", exc)
"""

class Stack:
    """A project of one daemon, its engine proxy and an intruder in its sidecar; and somebody else's
    container."""

    def __init__(self, prefix: str, model: dict[str, Any]) -> None:
        self.image = model["sidecar"]["image"]
        self.project = f"{prefix}-ours"
        self.dhcpd = self._daemon(f"{prefix}-dhcpd", self.project, "dhcpd")
        self.render = self._daemon(f"{prefix}-render", self.project, "render")
        self.other = self._daemon(f"{prefix}-other", f"{prefix}-theirs", "bind")
        self.foreign = self._daemon(f"{prefix}-foreign", self.project, "database")
        self.proxy, mount = start_engine_proxy(f"{prefix}-engine-proxy", model["engine-proxy"], self.project)
        self.intruder = Container(f"{prefix}-intruder")
        docker(
            "run", "-d", "--name", self.intruder.name, "--network", "none",
            *arguments(model["sidecar"], [mount], floor=False),
            "--entrypoint", "sleep", self.image, "infinity",
        )  # fmt: skip

    def _daemon(self, name: str, project: str, service: str) -> Container:
        compose = "com.docker.compose"
        labels = ("-l", f"{compose}.project={project}", "-l", f"{compose}.service={service}")
        docker(
            "run", "-d", "--name", name, *labels, "--init", "--network", "none", "--no-healthcheck",
            "--entrypoint", "sleep", self.image, "infinity",
        )  # fmt: skip
        return Container(name)

    def say(self, *lines: str) -> list[dict[str, Any]]:
        """What the engine proxy answers to each line; {} where it closed without an answer."""
        text = json.dumps(lines)
        done = docker("exec", self.intruder.name, "python3", "-c",
                      f"import io, sys\nsys.stdin = io.StringIO({text!r})\n{TALK}", timeout_s=120)
        return [json.loads(line) if line.startswith("{") else {} for line in done.stdout.splitlines()]

    def ask(self, verb: str, *services: str) -> dict[str, Any]:
        return self.say(json.dumps({"do": verb, "services": services}) + "\n")[0]

    def rss_kb(self) -> int:
        """Of the engine proxy's own process."""
        script = "import re; print(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/7/status').read())[1])"
        pid = docker("exec", self.proxy.name, "sh", "-c", "cat /proc/1/task/1/children").stdout.split()[0]
        return int(docker("exec", self.proxy.name, "python3", "-c", script.replace("/7/", f"/{pid}/")).stdout)


@pytest.fixture(scope="module")
def stack(model: dict[str, Any]) -> Iterator[Stack]:
    prefix = f"imgtest-{os.getpid()}-engine-proxy"
    try:
        made = Stack(prefix, model)
        made.proxy.healthy()
        yield made
    finally:
        remove(prefix)


def test_the_sidecar_has_no_other_way_to_the_engine(stack: Stack) -> None:
    found = stack.intruder.exec("sh", "-c", "find / -xdev -name '*.sock' 2>/dev/null; find /run -type s")
    assert set(found.stdout.split()) == {"/run/engine-proxy/engine-proxy.sock"}
    for put in (
        "rm /run/engine-proxy/engine-proxy.sock",
        "touch /run/engine-proxy/mine",
        "mount -o remount,rw /run/engine-proxy",
    ):
        assert stack.intruder.exec("sh", "-c", put, check=False).returncode != 0


def test_the_engine_proxy_does_what_the_sidecar_needs(stack: Stack) -> None:
    states = {"dhcpd": "running", "bind": "stopped"}
    assert stack.ask("states", *states) == {"ok": True, "states": states}
    assert stack.ask("stop", "dhcpd")["ok"]
    assert not stack.dhcpd.running()
    assert stack.ask("start", "dhcpd")["ok"]
    assert stack.dhcpd.running()
    before = stack.dhcpd.inspect()["State"]["StartedAt"]
    assert stack.ask("restart", "dhcpd")["ok"]
    assert stack.dhcpd.inspect()["State"]["StartedAt"] != before


@pytest.mark.parametrize(
    "line",
    [
        '{"do": "create", "services": ["dhcpd"], "image": "x", "binds": ["/:/host"]}\n',
        '{"do": "exec", "services": ["dhcpd"]}\n',
        '{"do": "exec", "services": ["dhcpd"], "cmd": ["sh"]}\n',
        '{"do": "remove", "services": ["dhcpd"]}\n',
        '{"do": "kill", "services": ["dhcpd"]}\n',
        '{"do": "pause", "services": ["dhcpd"]}\n',
        '{"do": "stop", "services": ["engine-proxy"]}\n',
        '{"do": "stop", "services": ["sidecar"]}\n',
        '{"do": "stop", "services": ["database"]}\n',
        '{"do": "stop", "services": ["dhcpd"], "project": "theirs"}\n',
        '{"do": "stop", "services": ["dhcpd?t=0"]}\n',
        '{"do": "stop", "services": ["../../dhcpd"]}\n',
        "POST /containers/create HTTP/1.1\r\nHost: docker\r\nContent-Length: 2\r\n\r\n{}",
        "GET /containers/json HTTP/1.1\r\nHost: docker\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n",
        "\n",
        "[" * 500 + "\n",
        '{"do": "stop", "services": ["dhcpd"]}\n{"do": "stop", "services": ["dhcpd"]}\n',
        '{"do": "stop", "services": [' + '"dhcpd", ' * 100 + '"dhcpd"]}\n',
        "x" * 100_000,
        "x" * 400,
    ],
)
def test_the_engine_proxy_refuses_all_else(stack: Stack, line: str) -> None:
    assert not stack.say(line)[0].get("ok"), line
    for container in (stack.dhcpd, stack.other, stack.foreign, stack.proxy):
        assert container.running(), container.name
    assert stack.ask("states", "dhcpd")["ok"], "it goes on"


def test_a_daemon_that_was_removed_is_made_again_exactly_as_it_was(stack: Stack) -> None:
    """Which is all that it can create: what Compose made, and it has seen."""
    kept = ("Image", "Cmd", "Entrypoint", "Labels", "Env", "User")
    host = ("NetworkMode", "Privileged", "Binds", "CapAdd", "CapDrop", "Init", "RestartPolicy")
    stack.ask("states", "dhcpd")
    before = stack.dhcpd.inspect()
    for verb in ("create", "start"):
        docker("rm", "--force", stack.dhcpd.name)
        assert stack.ask("states", "dhcpd")["states"] == {"dhcpd": "stopped"}
        assert stack.ask(verb, "dhcpd")["ok"]
        again = stack.dhcpd.inspect()
        assert again["State"]["Running"] is (verb == "start")
        assert {key: again["Config"][key] for key in kept} == {key: before["Config"][key] for key in kept}
        assert [again["HostConfig"][key] for key in host] == [before["HostConfig"][key] for key in host]
    assert "has no container" in stack.ask("create", "tftp")["reason"], "it was never there"


def test_a_one_shot_that_was_pruned_is_made_again_and_runs(stack: Stack) -> None:
    """`docker container prune` takes it, for it has ended; another site needs it to be taken into use."""
    stack.ask("states", "render")
    docker("stop", "-t", "1", stack.render.name)
    for verb in ("create", "start"):
        labels = (f"project={stack.project}", "service=render")
        filters = [word for one in labels for word in ("--filter", f"label=com.docker.compose.{one}")]
        docker("container", "prune", "--force", *filters)
        assert "render" not in stack.ask("dialects", "render").get("dialects", {})
        assert stack.ask(verb, "render")["ok"]
        assert stack.render.running() is (verb == "start")
    docker("stop", "-t", "1", stack.render.name)


def test_a_trial_has_no_network_and_leaves_nothing(stack: Stack) -> None:
    """The image here is no dhcpd's: it does not know the command, and that is no refusal."""
    said = stack.ask("try", "dhcpd")
    assert not said["ok"]
    assert said["resource"] != "configuration"
    names = docker("ps", "-a", "--format", "{{.Names}}").stdout.split()
    assert f"{stack.project}-dhcpd-trial" not in names
    assert stack.dhcpd.running()


def test_a_container_of_another_project_is_not_reached(stack: Stack) -> None:
    for verb in ("stop", "restart", "start"):
        said = stack.ask(verb, "bind")
        assert said["ok"] is (verb == "stop")  # what has no container does not run
    assert stack.other.running()
    assert stack.ask("states", "bind")["states"] == {"bind": "stopped"}


def test_the_engine_proxy_outlives_a_hostile_sidecar(stack: Stack) -> None:
    """Hundreds of connections at once, silent ones, floods: it stays small and works on afterwards."""
    stack.ask("states", "dhcpd")
    before, started = stack.rss_kb(), stack.proxy.inspect()["State"]["StartedAt"]
    hold = (
        "import socket, time\n"
        "end = time.monotonic() + 6\n"
        "held = []\n"
        "while time.monotonic() < end:\n"
        "    s = socket.socket(socket.AF_UNIX); s.settimeout(0.1)\n"
        "    try:\n"
        "        s.connect('/run/engine-proxy/engine-proxy.sock'); s.send(b'{\\xff' * 200); held.append(s)\n"
        "    except OSError: time.sleep(0.001)\n"
        "    held = held[-100:]\n"
        "print(len(held))\n"
    )
    assert int(docker("exec", stack.intruder.name, "python3", "-c", hold).stdout) > 8
    wait("the engine proxy works again", lambda: bool(stack.ask("states", "dhcpd").get("ok")), 30)
    assert stack.rss_kb() < before + 4096
    state = stack.proxy.inspect()["State"]
    assert state["StartedAt"] == started
    assert not state["OOMKilled"]
    wait("it is healthy", lambda: stack.proxy.health() == "healthy", 30)


def test_questions_have_a_pace(stack: Stack) -> None:
    """A sidecar that asks without a pause gets 40 answers at once and then 20 a second."""
    flood = (
        "import socket, time\n"
        'line = b\'{"do": "states", "services": ["dhcpd"]}\\n\'\n'
        "begun = time.monotonic()\n"
        "for _ in range(100):\n"
        "    s = socket.socket(socket.AF_UNIX)\n"
        "    s.connect('/run/engine-proxy/engine-proxy.sock'); s.sendall(line)\n"
        "    assert b'true' in s.recv(4096); s.close()\n"
        "print(time.monotonic() - begun)\n"
    )
    took = float(docker("exec", stack.intruder.name, "python3", "-c", flood).stdout)
    assert took > 2


def test_it_serves_on_until_the_sidecar_has_left(stack: Stack) -> None:
    """The engine ends all containers together: dhcpd must still be stopped in good order."""
    stack.ask("states", "dhcpd")
    docker("kill", "--signal", "TERM", stack.proxy.name)
    assert stack.ask("stop", "dhcpd")["ok"]
    assert not stack.dhcpd.running()
    assert stack.proxy.exit_code(10) == 0
    docker("start", stack.proxy.name, stack.dhcpd.name)
    stack.proxy.healthy()


def test_without_a_project_it_does_not_start(images: dict[str, str]) -> None:
    done = docker("run", "--rm", "--network", "none", images["engine-proxy"], "engine-proxy", check=False)
    assert done.returncode == 2
    assert "TWINBOOT_PROJECT is not set" in done.stdout

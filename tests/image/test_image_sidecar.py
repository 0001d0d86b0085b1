"""The sidecar's image: what it shares with the others, and the render service on real volumes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imagestack import ROOT, ContainerFailed, arguments, docker

OPERATOR = 1000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration folder that belongs to an ordinary user, its key for nobody else."""
    folder = tmp_path / "config"
    (folder / "secrets").mkdir(parents=True)
    (folder / "site.yaml").write_text((ROOT / "config/examples/parity.yaml").read_text())
    key = folder / "secrets/heartbeat.key"
    key.write_text("0" * 64 + "\n")
    key.chmod(0o600)
    trees = tmp_path / "trees/rh9/images/pxeboot"
    trees.mkdir(parents=True)
    for name in ("vmlinuz", "initrd.img"):
        (trees / name).write_text("x")
    if os.getuid() == 0:  # else they are an ordinary user's already
        for path in (folder, folder / "secrets", folder / "site.yaml", key):
            os.chown(path, OPERATOR, OPERATOR)
    tmp_path.chmod(0o755)
    return folder


@pytest.fixture
def volumes() -> Iterator[list[str]]:
    """Two fresh volumes, as compose makes them: etc and pub."""
    names = [f"imgtest-{os.getpid()}-{name}" for name in ("etc", "pub")]
    yield names
    docker("volume", "rm", "-f", *names, check=False)


def run(
    model: dict[str, Any], service: str, config: Path, volumes: list[str], *, env: str = "server1",
    command: tuple[str, ...] = (), options: tuple[str, ...] = (), without: str = "",
) -> tuple[int, str, str]:  # fmt: skip
    """Run the sidecar's image once, hardened as its service; exit code, stdout, stderr."""
    spec = dict(model[service])
    spec["cap_add"] = [cap for cap in spec["cap_add"] if cap != without]
    mounts = [f"{config}:/config:ro", f"{config.parent}/trees:/srv/trees:ro", f"{volumes[0]}:/etc/twinboot"]
    mounts += [f"{volumes[1]}:/srv/pub"]
    words = command or tuple(spec["command"] or ())
    done = docker(
        "run", "--rm", "--network", "none", *arguments(spec, mounts), "-e", f"TWINBOOT_SERVER={env}",
        *options, spec["image"], *words, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_render_fills_the_volumes_and_a_daemon_may_read_them(
    model: dict[str, Any], config: Path, volumes: list[str]
) -> None:
    code, out, err = run(model, "render", config, volumes)
    assert code == 0, out + err
    look = (
        "cd /e/current && ! ls httpd/private 2>/dev/null && "
        "find -L . -path ./httpd/private -prune -o -type f -print && "
        "cat dhcpd/guard sidecar/site.json && ls /p/current/ks"
    )
    done = docker(
        "run", "--rm", "-u", "953:953", "-v", f"{volumes[0]}:/e:ro", "-v", f"{volumes[1]}:/p:ro",
        model["tftp"]["image"], "sh", "-c", look,
    )  # fmt: skip
    for name in (
        "bind/named.conf",
        "dhcpd/dhcpd.conf",
        "httpd/nginx.conf",
        "vsftpd/vsftpd.conf",
        "cli129.ks",
    ):
        assert name in done.stdout
    assert "192.168.0.253 eth0" in done.stdout
    assert run(model, "render", config, volumes)[0] == 0  # again: nothing to do, no fault


@pytest.mark.parametrize(("server", "word"), [("", "TWINBOOT_SERVER"), ("server9", "server9")])
def test_render_refuses_a_server_it_does_not_know(
    model: dict[str, Any], config: Path, volumes: list[str], server: str, word: str
) -> None:
    code, out, err = run(model, "render", config, volumes, env=server)
    assert code == 2
    assert word in out + err


def test_render_names_every_fault_of_the_site(
    model: dict[str, Any], config: Path, volumes: list[str]
) -> None:
    text = (config / "site.yaml").read_text()
    (config / "site.yaml").write_text(text.replace("192.168.0.253", "192.168.0.251") + "\nnonsense: 1\n")
    code, out, err = run(model, "render", config, volumes)
    assert code == 2
    assert "nonsense" in out + err
    assert "192.168.0.251" in out + err
    (config / "site.yaml").unlink()
    code, out, err = run(model, "render", config, volumes)
    assert code == 2
    assert "site.yaml" in out + err


def test_agent_without_a_rendered_site_ends_with_two(
    model: dict[str, Any], config: Path, volumes: list[str]
) -> None:
    code, out, err = run(model, "sidecar", config, volumes, command=("agent",))
    assert code == 2
    assert "/etc/twinboot/current/sidecar/site.json" in out + err


def test_the_operators_key_is_readable_by_its_capability_alone(
    model: dict[str, Any], config: Path, volumes: list[str]
) -> None:
    read = {"command": ("/config/secrets/heartbeat.key",), "options": ("--entrypoint", "cat")}
    assert run(model, "sidecar", config, volumes, **read)[:2] == (0, "0" * 64 + "\n")
    assert run(model, "sidecar", config, volumes, **read, without="DAC_READ_SEARCH")[0] != 0


def test_it_is_made_like_the_others(model: dict[str, Any]) -> None:
    found = json.loads(docker("image", "inspect", model["sidecar"]["image"]).stdout)[0]["Config"]
    assert found["Labels"]["org.opencontainers.image.title"] == "twinboot sidecar"
    assert found["Labels"]["org.opencontainers.image.revision"]
    assert found["StopSignal"] == "SIGTERM"
    assert found["Healthcheck"]["Test"] == ["CMD", "twinboot", "status", "--health"]
    assert found["Entrypoint"][0] == "/usr/bin/tini"
    setuid = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
    assert (
        docker("run", "--rm", "--entrypoint", setuid[0], model["sidecar"]["image"], *setuid[1:]).stdout == ""
    )


def test_without_an_agent_it_is_not_healthy(model: dict[str, Any]) -> None:
    with pytest.raises(ContainerFailed, match="agent"):
        docker("run", "--rm", model["sidecar"]["image"], "status", "--health")


def test_nothing_of_the_working_directory_or_environment_is_imported(model: dict[str, Any]) -> None:
    """The command is isolated: a file named like a module in the way changes nothing."""
    script = "echo 'raise SystemExit(9)' >/tmp/json.py; cp /tmp/json.py /tmp/typer.py; twinboot --help"
    where = ("--workdir", "/tmp", "-e", "PYTHONPATH=/tmp", "--entrypoint", "sh")
    done = docker("run", "--rm", *where, model["sidecar"]["image"], "-c", script)
    assert "Commands" in done.stdout

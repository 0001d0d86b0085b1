"""The stack file: what compose makes of it, what one variable swaps, who stops first."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from imagestack import COMPOSE, DAEMONS, ROOT, ContainerFailed, compose_model, docker, folder_of

COMPOSE_FILES = tuple(path.name for path in sorted((ROOT / "compose").glob("*.yaml")))
ALL = ("render", *DAEMONS, "page", "engine-proxy", "takeover", "tree-sync", "sidecar")
OURS = ("render", "engine-proxy", "takeover", "tree-sync")
"""These run the sidecar's image."""


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A server's copy of the stack: compose/ and images/versions.env, .env made of the example."""
    (tmp_path / "images").mkdir()
    shutil.copy(ROOT / "images/versions.env", tmp_path / "images")
    folder = tmp_path / "compose"
    folder.mkdir()
    for name in COMPOSE_FILES:
        shutil.copy(COMPOSE / name, folder)
    text = (COMPOSE / ".env.example").read_text()
    (folder / ".env").write_text(text.replace("TWINBOOT_SERVER=", "TWINBOOT_SERVER=server1", 1))
    return folder


def bare() -> dict[str, str]:
    """An environment without anything of ours: only .env speaks."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/root"}


def setting(folder: Path, name: str, value: str | None) -> None:
    """Write a setting into .env; None: take it out."""
    env = folder / ".env"
    kept = [line for line in env.read_text().splitlines() if not line.startswith(f"{name}=")]
    env.write_text("\n".join([*kept, *([] if value is None else [f"{name}={value}"])]) + "\n")


def services(folder: Path) -> dict[str, Any]:
    """The services compose sees in this folder."""
    found: dict[str, Any] = compose_model(folder, bare())["services"]
    return found


def test_example_env_is_enough(server: Path) -> None:
    model = compose_model(server, bare())
    assert model["name"] == "twinboot"
    assert set(model["services"]) == set(ALL)
    assert set(model["volumes"]) == {
        "etc", "pub", "leases", "state", "engine-proxy", "takeover", "tree-sync", "reports", "loaders",
        "page", "page-ipc", "power"}
    assert model["services"]["sidecar"]["environment"]["TWINBOOT_SERVER"] == "server1"


def test_serial_ports_are_the_sidecars_alone_and_only_when_asked_for(server: Path) -> None:
    before = compose_model(server, bare())
    setting(server, "TWINBOOT_OVERLAY", "serial.yaml")
    after = compose_model(server, bare())
    assert after["volumes"].pop("dev")["driver_opts"] == {"type": "none", "device": "/dev", "o": "bind"}
    sidecar = after["services"]["sidecar"]
    rules = sidecar.pop("device_cgroup_rules")
    assert all(re.fullmatch(r"c (4:(6[4-9]|7\d)|188:\*|166:\*|204:6[45]) rw", rule) for rule in rules), rules
    shown = [mount for mount in sidecar["volumes"] if mount["target"].startswith("/host/dev")]
    assert [(mount["source"], mount["target"]) for mount in shown] == [("dev", "/host/dev")]
    assert shown[0]["read_only"]
    sidecar["volumes"] = [mount for mount in sidecar["volumes"] if mount not in shown]
    assert after["services"]["render"]["environment"].pop("TWINBOOT_OVERLAY") == "serial.yaml"
    assert before["services"]["render"]["environment"].pop("TWINBOOT_OVERLAY") == ""
    assert after == before
    setting(server, "TWINBOOT_OVERLAY", None)
    again = compose_model(server, bare())
    assert again["services"]["render"]["environment"].pop("TWINBOOT_OVERLAY") == ""
    assert again == before


def test_the_takeover_is_a_profile_and_nothing_needs_it(server: Path) -> None:
    with_it = services(server)
    setting(server, "COMPOSE_PROFILES", "")
    without = services(server)
    assert set(with_it) - set(without) == {"takeover"}
    takeover = with_it["takeover"]
    assert takeover["profiles"] == ["takeover"]
    assert with_it["sidecar"]["depends_on"]["takeover"]["required"] is False, "a sidecar starts without one"
    for name in set(without) - {"render"}:
        assert with_it[name] == without[name], "its coming and going makes no other container anew"
    profiles = [found["render"]["environment"]["COMPOSE_PROFILES"] for found in (with_it, without)]
    assert profiles == ["takeover", ""], "render is told"
    loaders = [mount for mount in with_it["tftp"]["volumes"] if mount["source"] == "loaders"]
    assert [mount["target"] for mount in loaders] == ["/run/loaders"]
    assert takeover["mem_limit"] == takeover["memswap_limit"]
    assert takeover["cpu_shares"] < with_it["sidecar"]["cpu_shares"]
    assert takeover["oom_score_adj"] > 0
    setting(server, "COMPOSE_PROFILES", None)
    assert services(server) == without


def test_power_is_a_profile_and_sees_no_more_than_its_secrets(server: Path) -> None:
    before = services(server)
    assert "power" not in before
    setting(server, "COMPOSE_PROFILES", "takeover,power")
    after = services(server)
    power = after["power"]
    assert power["profiles"] == ["power"]
    assert not power.get("cap_add")
    assert after["sidecar"]["depends_on"]["power"]["required"] is False
    binds = [(mount["source"], mount["target"]) for mount in power["volumes"] if mount["type"] == "bind"]
    assert binds == [(str(server.parent / "config/secrets/power"), "/config/secrets/power")]
    for name in set(before) - {"render"}:
        assert after[name] == before[name], "its coming and going makes no other container anew"
    (volume,) = (one for name, one in compose_model(server, bare())["volumes"].items() if name == "power")
    assert {"mode=0750", "uid=968", "gid=0"} < set(volume["driver_opts"]["o"].split(","))


def test_the_choice_does_not_depend_on_how_compose_is_called(server: Path) -> None:
    """`docker compose up -d` in compose/, or `-f compose/compose.yaml` from elsewhere: the same stack."""
    setting(server, "TWINBOOT_OVERLAY", "serial.yaml")
    inside = subprocess.run(
        ("docker", "compose", "config", "--format", "json"), cwd=server, env=bare(), check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(inside.stdout) == compose_model(server, bare())


@pytest.mark.parametrize("name", ["TWINBOOT_SERVER", "TWINBOOT_CONFIG", "TWINBOOT_TREES"])
def test_what_is_missing_is_named(server: Path, name: str) -> None:
    env = server / ".env"
    env.write_text(re.sub(rf"^{name}=.*\n", "", env.read_text(), flags=re.M))
    with pytest.raises(ContainerFailed, match=rf"{name}.*in compose/\.env"):
        services(server)


@pytest.mark.parametrize("service", [*DAEMONS, "page", "power", "sidecar"])
def test_one_variable_swaps_one_image(server: Path, service: str) -> None:
    setting(server, "COMPOSE_PROFILES", "takeover,power")
    before = services(server)
    with (server / ".env").open("a") as env:
        env.write(f"TWINBOOT_{service.upper()}_IMAGE=example.org/other/{service}:7\n")
    after = services(server)
    moved = {name for name in before if before[name] != after[name]}
    assert moved == ({"sidecar", *OURS} if service == "sidecar" else {service})
    for name in moved:
        assert after[name].pop("image") == f"example.org/other/{service}:7"
        before[name].pop("image")
        if name == service:  # it builds the image that others have, too
            build = after[name].pop("build")
            assert before[name].pop("build")["dockerfile"] == "Dockerfile"
            assert build["dockerfile"] == "../swapped.Dockerfile"
            assert build["args"]["IMAGE"] == f"example.org/other/{service}:7"
        assert after[name] == before[name]


def test_building_leaves_a_swapped_image_as_it_is(images: dict[str, str]) -> None:
    """Another image under a service's variable is what runs, not ours under its name."""
    tag = f"imgtest-swapped:{os.getpid()}"
    docker("tag", images["tftp"], tag)
    try:
        env = bare() | {"TWINBOOT_BIND_IMAGE": tag}
        command = ("docker", "compose", "-f", str(COMPOSE / "compose.yaml"), "build", "--quiet", "bind")
        subprocess.run(command, env=env, check=True, capture_output=True, timeout=300)
        title = '{{index .Config.Labels "org.opencontainers.image.title"}}'
        assert docker("image", "inspect", "-f", title, tag).stdout.strip() == "twinboot tftp"
    finally:
        docker("rmi", tag, check=False)


def test_check_names_what_it_lacks_itself(server: Path, tmp_path: Path) -> None:
    """Where Docker could not mount the folder, or has no such image, its own words would be no help."""
    (tmp_path / "scripts").mkdir()
    for name in ("twinboot", "settings.sh", "sidecar.sh"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    command = ("sh", str(tmp_path / "scripts/twinboot"), "check")
    setting(server, "TWINBOOT_TREES", str(tmp_path / "trees"))
    folder = subprocess.run(command, env=bare(), capture_output=True, text=True)
    (tmp_path / "trees").mkdir()
    setting(server, "TWINBOOT_VERSION", "3.1")
    image = subprocess.run(command, env=bare(), capture_output=True, text=True)
    assert (folder.returncode, image.returncode) == (2, 2)
    assert folder.stderr.startswith(f"twinboot: check: the trees folder '{tmp_path}/trees' is missing: ")
    assert len(folder.stderr.splitlines()) == 1
    assert "there is no image of version 3.1" in image.stderr
    assert "git checkout v3.1" in image.stderr


def test_versions_are_written_once(server: Path) -> None:
    versions = (server.parent / "images/versions.env").read_text()
    version = re.search(r"^TWINBOOT_VERSION=(.+)$", versions, re.M)
    assert version
    for name, spec in services(server).items():
        image = "sidecar" if name in OURS else folder_of(name).name
        assert spec["image"] == f"twinboot/{image}:{version[1]}"
    for name in (*COMPOSE_FILES, ".env.example"):
        path = COMPOSE / name
        assert version[1] not in path.read_text()
        assert "latest" not in path.read_text()


@pytest.mark.parametrize("service", [*ALL, "power"])
def test_every_service_is_hardened(server: Path, service: str) -> None:
    setting(server, "COMPOSE_PROFILES", "takeover,power")
    spec = services(server)[service]
    assert spec["read_only"] is True
    assert spec["cap_drop"] == ["ALL"]
    assert spec["security_opt"] == ["no-new-privileges:true"]
    assert spec["network_mode"] == ("none" if service in ("engine-proxy", "page") else "host")
    assert not spec.get("privileged")
    assert spec["pids_limit"] > 0
    assert {"max-size", "max-file"} <= set(spec["logging"]["options"])  # logs do not fill a disk
    assert spec["restart"] == ("no" if service in ("render", "dhcpd") else "unless-stopped")


def test_only_the_engine_proxy_reaches_the_engine_and_few_write(server: Path) -> None:
    for name, spec in services(server).items():
        for mount in spec["volumes"]:
            if "docker.sock" in mount["source"]:
                assert name == "engine-proxy"
            elif mount["source"] == "engine-proxy":
                assert name in ("engine-proxy", "sidecar")
                assert bool(mount.get("read_only")) is (name == "sidecar")
            elif mount["source"] == "takeover":
                assert name in ("takeover", "sidecar")
                assert bool(mount.get("read_only")) is (name == "sidecar")
            elif mount["source"] == "tree-sync":
                assert name in ("tree-sync", "sidecar")
                assert bool(mount.get("read_only")) is (name == "sidecar")
            elif mount["source"] == "power":
                assert name in ("power", "sidecar")
                assert bool(mount.get("read_only")) is (name == "sidecar")
            elif mount["source"] == "loaders":
                assert name in ("takeover", "tftp")
                assert bool(mount.get("read_only")) is (name == "takeover")
            elif mount["source"] == "reports":
                assert name in ("sidecar", "httpd")
                assert bool(mount.get("read_only")) is (name == "httpd")
            elif mount["source"] == "page":
                assert name in ("page", "httpd")
                assert bool(mount.get("read_only")) is (name == "httpd")
            elif mount["source"] == "page-ipc":
                assert name in ("page", "sidecar")
                assert bool(mount.get("read_only")) is (name == "page")
            elif mount["source"] == "etc":
                assert bool(mount.get("read_only")) is (name != "render"), (name, mount)
            elif mount["source"] == "pub":  # the sidecar: links that say which machines are to be installed
                assert bool(mount.get("read_only")) is (name not in ("render", "sidecar")), (name, mount)
            elif mount["type"] == "bind":
                assert bool(mount.get("read_only")) is (name != "tree-sync"), (name, mount)


def test_render_comes_first_and_the_sidecar_goes_first(server: Path) -> None:
    """Compose stops dependents before what they depend on: so the sidecar hands over before all else."""
    model = services(server)
    for name in (*DAEMONS, "sidecar"):
        assert model[name]["depends_on"]["render"]["condition"] == "service_completed_successfully"
    assert {*DAEMONS, "page", "engine-proxy", "takeover", "tree-sync"} < set(model["sidecar"]["depends_on"])
    assert model["engine-proxy"].get("cap_add") is None
    assert all("sidecar" not in spec.get("depends_on", {}) for spec in model.values())
    assert model["sidecar"]["cpu_shares"] > 1024
    assert model["sidecar"].get("oom_score_adj", 0) < min(model[name]["oom_score_adj"] for name in DAEMONS)


def capabilities_in_readme(service: str) -> dict[str, str]:
    """Capability -> why, of the table in the image's README."""
    text = (folder_of(service) / "README.md").read_text()
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|$", text, re.M))


@pytest.mark.parametrize("service", [*DAEMONS, "page", "sidecar"])
def test_readme_lists_the_capabilities_compose_gives(server: Path, service: str) -> None:
    told = capabilities_in_readme(service)
    assert sorted(told) == sorted(services(server)[service].get("cap_add", ()))
    assert all(len(why) > 20 for why in told.values())


def test_readme_lists_the_capabilities_of_the_takeover(server: Path) -> None:
    section = (
        (ROOT / "images/sidecar/TAKEOVER.md")
        .read_text()
        .split("## The container\n")[1]
        .split("\n## ")[0]
    )
    said = section.split("Capabilities: ")[1].split(". ")[0]
    assert set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", said)) - {"TCP_REPAIR"} == set(
        services(server)["takeover"]["cap_add"])


@pytest.mark.parametrize("service", [*DAEMONS, "page", "power", "sidecar"])
def test_readme_lists_the_mounts_compose_gives(server: Path, service: str) -> None:
    setting(server, "COMPOSE_PROFILES", "takeover,power")
    text = (folder_of(service) / "README.md").read_text()
    spec = services(server)[service]
    told = set(re.findall(r"^\| `(/[^`]+)` \|", text, re.M))
    given = {mount["target"] for mount in spec["volumes"]}
    given |= {line.split(":")[0] for line in spec.get("tmpfs", ())}
    if service == "sidecar":  # with TWINBOOT_OVERLAY=serial.yaml
        serial = yaml.safe_load((ROOT / "compose/serial.yaml").read_text())
        given |= {mount["target"] for mount in serial["services"]["sidecar"]["volumes"]}
    assert told == given


@pytest.mark.parametrize("service", [*DAEMONS, "page", "power", "sidecar"])
def test_readme_has_every_part_of_the_contract(service: str) -> None:
    text = (folder_of(service) / "README.md").read_text()
    for part in ("Mounts", "Ports", "User", "Capabilities", "Health", "Signals", "Logs", "Exit codes"):
        assert re.search(rf"^## {part}$", text, re.M), part

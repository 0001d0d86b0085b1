"""cloud-init itself fetches rendered answers by NoCloud over HTTP, and does what it does before Subiquity."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from imagestack import ROOT, Container, docker
from twinboot.planning.plan import SitePlan
from twinboot.render import render
from twinboot.site import parse
from twinlab.host.images import CLOUD_INIT_IMAGE, build_test_image

AS_SUBIQUITY_DOES = """
import json
from cloudinit import stages
init = stages.Init()
init.read_cfg()
init.fetch(existing="trust")
print(json.dumps(init.cloudify().cfg["autoinstall"]))
"""
HASH = "$6$salt$" + "h" * 86


def _site() -> dict[str, Any]:
    """By name, which the container has for itself; a hash in no answer, for it asks from another address."""
    read: dict[str, Any] = yaml.safe_load((ROOT / "tests/render/sites/autoinstall.yaml").read_text())
    read["balancing"] = {"mode": "dns", "name": "install"}
    read["profiles"]["noble"]["private"] = False
    return read


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A container that serves the site's files to itself."""
    build_test_image(CLOUD_INIT_IMAGE, print, again=True)
    top: Path = tmp_path_factory.mktemp("pub")
    top.chmod(0o755)
    rendered = render(
        parse(_site()), "server1", templates=[ROOT / "config/templates"], secrets={"secrets/root.hash": HASH}
    )
    for path, text in rendered.pub.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    name = f"cloudinit-{os.getpid()}"
    docker("run", "-d", "--name", name, "--add-host", "install.example.lan:127.0.0.1", "-v", f"{top}:/pub:ro",
           CLOUD_INIT_IMAGE)  # fmt: skip
    yield Container(name)
    docker("rm", "-f", name, check=False)


@pytest.mark.parametrize("host", ["odd", "even", "tied", "cards"])
def test_cloud_init_reads_them_and_writes_the_scripts(live: Container, host: str) -> None:
    plan = SitePlan(parse(_site()))
    install = next(one.install for one in plan.machines if one.name == host)
    words = " ".join(plan.installer(install).kernel_arguments(plan, install, room=1500))
    live.exec("sh", "-c", "rm -rf /run/twinboot; cloud-init clean --logs")
    told = ("env", f"DEBUG_PROC_CMDLINE={words}")
    for stage in (("init", "--local"), ("init",)):
        live.exec(*told, "cloud-init", *stage)
    found = json.loads(live.exec(*told, "python3", "-c", AS_SUBIQUITY_DOES).stdout.splitlines()[-1])
    assert found["early-commands"][0] == "sh /run/twinboot/early.sh"
    assert found["user-data"]["hostname"] == host
    assert {"early.sh", "late.sh", "setup.sh"} <= set(live.exec("ls", "/run/twinboot").stdout.split())
    assert "Valid schema" in live.exec(*told, "cloud-init", "schema", "--system").stdout

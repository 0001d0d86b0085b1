"""The images a lab needs: building what is missing, and one store of the service images.

Owns no Dockerfile and no version: those are in images/, compose/ and compose/lab/.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from twinlab.host import testlab
from twinlab.host.engine import LabError, docker, has_image, has_volume
from twinlab.host.labsite import ROOT
from twinlab.host.layout import CHECKOUT
from twinlab.host.wait import repeatedly

Say = Callable[[str], None]
CACHE = ROOT / "build/lab"
STORE = f"twinboot-store-{testlab.CHECKOUT}"
REMIND_S = 20.0
POWER_GROUP = 968
"""Group id of the process that talks to BMCs: it must be able to read its secrets."""
SERIAL_ENV = "TWINBOOT_OVERLAY=serial.yaml\nTWINBOOT_SERIAL_MOUNT=rbind,rprivate\n"
# Private: the copy of /dev/pts goes with the sidecar's container, and a shared one takes the server's along.
ENV_FILE = (
    "TWINBOOT_SERVER={server}\nTWINBOOT_VERSION={version}\nTWINBOOT_CONFIG=../config\n"
    "TWINBOOT_TREES=/srv/twinboot/trees\nTWINBOOT_TREES_PROPAGATION=rslave\n"
    "TWINBOOT_HEALTH_INTERVAL=60s\n"  # each check is a process or two, and two servers share this machine
)


def versions() -> dict[str, str]:
    """images/versions.env as a mapping."""
    lines = (ROOT / "images/versions.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


VERSION = f"{versions()['TWINBOOT_VERSION']}-{testlab.CHECKOUT}"
"""Version of the images that this checkout builds for labs and tests: two checkouts never replace each
other's."""
os.environ["TWINBOOT_VERSION"] = VERSION  # make has exported the operators' one
SERVER_IMAGE = f"twinboot-test/server:{VERSION}"
CLIENT_IMAGE = f"twinboot-test/client:{VERSION}"
NEW_SYSTEM_IMAGE = f"twinboot-test/newsystem:{VERSION}"
CLOUD_INIT_IMAGE = f"twinboot-test/cloudinit:{VERSION}"
PROMTOOL_IMAGE = f"twinboot-test/promtool:{VERSION}"
VM_IMAGE = f"twinboot-test/vm:{VERSION}"
VM_ARM64_IMAGE = f"twinboot-test/vm-arm64:{VERSION}"  # built when a machine of that kind is asked for
NETNS_IMAGE = f"twinboot-test/netns:{VERSION}"
BMC_IMAGE = f"twinboot-test/bmc:{VERSION}"
WHEELS = {BMC_IMAGE: "sushy-tools==2.2.0"}
"""What Debian has no package of, and pip fetches: the wheel is all that is needed."""


def build_test_image(tag: str, say: Say, *, again: bool = False) -> None:
    """Build one of compose/lab's images when it is missing (or `again`)."""
    if has_image(tag) and not again:
        return
    more: list[str] = []
    if tag == VM_ARM64_IMAGE:
        build_test_image(VM_IMAGE, say, again=again)
        more = ["--build-arg", f"VM={VM_IMAGE}"]
    if tag in WHEELS:
        more = ["--build-context", f"wheels={_wheel(WHEELS[tag])}"]
    folder = ROOT / "compose/lab" / tag.rsplit("/", 1)[1].split(":")[0]
    with told(say, f"building {tag}"):
        docker(
            "build", "-q", "--build-arg", f"BASE={versions()['BASE']}", *more,
            "--label", f"org.opencontainers.image.version={VERSION}", "-t", tag, str(folder), timeout_s=1800,
        )  # fmt: skip


def _wheel(wanted: str) -> Path:
    """The folder that holds the wheel of a package, NAME==VERSION."""
    folder = ROOT / "build/wheels"
    name, _, version = wanted.partition("==")
    if not list(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl")):
        command = (
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
            "--dest", str(folder), wanted,
        )  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise LabError(f"{wanted} cannot be fetched:\n{done.stderr[-2000:]}")
    return folder


@contextmanager
def told(say: Say, what: str) -> Iterator[None]:
    """Say that this begins, how long it has gone on from time to time, and how long it took."""
    begun = time.monotonic()

    def remind() -> None:
        say(f"{what}: still at it, {time.monotonic() - begun:.0f} s")

    say(what)
    with repeatedly(REMIND_S, remind):
        yield
    say(f"{what}: done after {time.monotonic() - begun:.0f} s")


def swapped_images() -> str:
    """Images of the caller's own choice, from its environment: TWINBOOT_VSFTPD_IMAGE=mine scripts/lab up."""
    named = (key for key in sorted(os.environ) if re.fullmatch(r"TWINBOOT_\w+_IMAGE", key))
    return "".join(f"{key}={os.environ[key]}\n" for key in named)


def profiles(site: Mapping[str, Any]) -> str:
    """The line of .env that `make up` would write for this site (`on`, unquoted, is YAML's true)."""
    said = site.get("takeover", "on")
    modes = {said.get("ftp", "on"), said.get("http", "on")} if isinstance(said, dict) else {said}
    power = any("power" in (host or {}) for host in (site.get("hosts") or {}).values())
    wanted = ["takeover"] * (not modes <= {"off", False}) + ["power"] * power
    return f"COMPOSE_PROFILES={','.join(wanted)}\n"


def server_files(
    server: str, site: str, key: bytes, *, extra: str = "", secrets: Mapping[str, bytes] | None = None
) -> bytes:
    """A tar of what an operator copies to a server: compose/, config/ and images/versions.env.

    extra: lines of .env that depend on the site. secrets: those for BMCs, by their paths below secrets/.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:

        def put(name: str, data: bytes, mode: int = 0o644, group: int = 0) -> None:
            info = tarfile.TarInfo(f"twinboot/{name}")
            info.size, info.mode, info.gid = len(data), mode, group
            archive.addfile(info, io.BytesIO(data))

        for path in sorted((ROOT / "compose").glob("*.yaml")):
            put(f"compose/{path.name}", path.read_bytes())
        put("images/versions.env", (ROOT / "images/versions.env").read_bytes())
        env = ENV_FILE.format(server=server, version=VERSION) + extra + swapped_images()
        put("compose/.env", env.encode())
        put("config/site.yaml", site.encode())
        put("config/secrets/heartbeat.key", key, 0o600)
        for name, data in (secrets or {}).items():
            put(f"config/secrets/{name}", data, 0o640, POWER_GROUP)
    return buffer.getvalue()


def service_images() -> list[str]:
    """Tags of every image of the stack, asked of compose itself."""
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(server_files("server1", "", b""))) as archive:
            archive.extractall(folder, filter="data")
        path = f"{folder}/twinboot/compose/compose.yaml"
        listed = docker("compose", "-f", path, "--profile", "*", "config", "--images").out.split()
    return sorted(set(listed))


def ensure(say: Say, *, again: bool = False, more: Sequence[str] = ()) -> None:
    """Build every image a lab of containers needs (and `more` of compose/lab's) and this engine lacks."""
    jobs: list[Callable[[], None]] = []
    missing = [tag for tag in service_images() if not has_image(tag)]
    if missing or again:
        jobs.append(partial(_build_services, say, missing))
    jobs += [partial(build_test_image, tag, say, again=again) for tag in (SERVER_IMAGE, CLIENT_IMAGE, *more)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def _build_services(say: Say, missing: Sequence[str]) -> None:
    with told(say, f"building the service images ({', '.join(missing) or 'again'})"):
        command = ("make", "-s", "build", f"TWINBOOT_VERSION={VERSION}")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"`make build` failed:\n{(done.stdout + done.stderr)[-3000:]}")


def store(say: Say) -> str:
    """The volume whose images servers begin with: those of the services, unpacked once for all."""
    tags = service_images()
    ids = docker("image", "inspect", "-f", "{{.Id}}", SERVER_IMAGE, *tags).out
    volume = f"{STORE}-{hashlib.sha256((ids + ' '.join(tags)).encode()).hexdigest()[:12]}"
    whole = CACHE / f"{volume}.whole"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "store.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if whole.exists() and has_volume(volume):
            return volume
        with told(say, "unpacking the service images for the servers"):
            for old in (*CACHE.glob(f"{STORE}-*.whole"), whole):  # the engine keeps one that a lab still uses
                docker("volume", "rm", old.stem, check=False)
                old.unlink(missing_ok=True)
            docker("volume", "create", "--label", f"{CHECKOUT}={ROOT}", volume)
            _fill(volume, tags)
        whole.touch()
    return volume


def _fill(volume: str, tags: Sequence[str]) -> None:
    arguments = (
        "run", "--rm", "--interactive", "--privileged", "--network", "none", "--tmpfs", "/run",
        "--volume", f"{volume}:/var/lib/docker", SERVER_IMAGE, "fill",
    )  # fmt: skip
    save_into(arguments, tags)


def save_into(arguments: Sequence[str], tags: Sequence[str]) -> None:
    """Hand images over to `docker ARGUMENTS`, which reads them from its standard input."""
    command = ("docker", *arguments)
    with subprocess.Popen(("docker", "save", *tags), stdout=subprocess.PIPE) as saving:
        done = subprocess.run(command, stdin=saving.stdout, capture_output=True, text=True, timeout=600)
    if done.returncode or saving.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise LabError(f"cannot hand {', '.join(tags)} over to `{' '.join(command)}`:\n{said}")

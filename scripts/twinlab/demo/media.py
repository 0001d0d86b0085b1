"""A person's own medium or tree in the demo: imported as `twinboot import` does, and a site that installs it.

Owns the call of the sidecar's image, and the site file that results: the example's, with one profile, which
all its machines have.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twinboot.commands.trees.entry import key_of
from twinboot.trees.manifest import FILE_NAME, Manifest
from twinboot.trees.reading import folders, read_manifest

from twinlab.host import labsite
from twinlab.host.engine import LabError, docker_popen
from twinlab.host.images import VERSION
from twinlab.host.labsite import ROOT

FOLDER = ROOT / "build/demo"
"""Trees that were imported stay: the next demo of the same medium finds them."""
SITE_FILE = "site.yaml"
_SPARE_MB, _MOST_MB = 2048, 4096


@dataclass(frozen=True)
class Call:
    """What a person says of the medium, as to `twinboot import`. initrds: in the order of loading."""

    medium: Path
    netboot: Path | None = None
    kernel: str = ""
    initrds: tuple[str, ...] = ()

    def words(self) -> Iterator[str]:
        """Words of the import command, paths as its container has them."""
        yield from ("import", "/mnt/medium", "--add")
        if self.netboot:
            yield from ("--netboot", "/mnt/netboot")
        if self.kernel:
            yield from ("--kernel", self.kernel)
        for one in self.initrds:
            yield from ("--initrd", one)

    def mounts(self) -> Iterator[str]:
        """Options of `docker run`."""
        yield from ("-v", f"{self.medium}:/mnt/medium:ro", "-e", f"TWINBOOT_MEDIUM={self.medium.name}")
        if self.netboot:
            yield from ("-v", f"{self.netboot}:/mnt/netboot:ro")


@dataclass(frozen=True)
class Imported:
    """A tree below `trees`, and the site that installs it on every machine."""

    trees: Path
    manifest: Manifest
    site: dict[str, Any]

    @property
    def boot_bytes(self) -> int:
        """Size of kernel and initrds."""
        loaded = {self.manifest.kernel, *self.manifest.initrds}
        return sum(one.size for one in self.manifest.files if one.path in loaded)

    @property
    def rest_bytes(self) -> int:
        """Size of everything else in the tree."""
        return sum(one.size for one in self.manifest.files) - self.boot_bytes

    @property
    def memory_mb(self) -> int:
        """What the machine wants: an ISO in the tree is loaded whole, into half of the memory at most."""
        isos = [one.size for one in self.manifest.files if one.path.endswith(".iso")]
        return max(_MOST_MB, 2 * max(isos, default=0) // 1_000_000 + _SPARE_MB)


def import_medium(call: Call, say: Callable[[str], None]) -> Imported:
    """Import it, or find the tree that was imported before. Raises LabError with what the import said."""
    for path in (call.medium, *([call.netboot] if call.netboot else [])):
        if not path.exists():
            raise LabError(f"{path} is not there")
    trees, config = FOLDER / "trees", FOLDER / "config"
    for one in (trees, config):
        one.mkdir(parents=True, exist_ok=True)
    shutil.copy(labsite.DEFAULT_SITE, config / SITE_FILE)
    process = docker_popen(
        "run", "--rm", "--network", "none", "--cap-drop", "ALL", "--cap-add", "DAC_OVERRIDE", "--cap-add",
        "CHOWN", "-v", f"{trees}:/srv/trees", "-v", f"{config}:/config", *call.mounts(),
        f"twinboot/sidecar:{VERSION}", *call.words(),
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in map(str.rstrip, process.stdout):
        said.append(line)
        if line:
            say(line)
    if process.wait():
        more = f"\nTrees of other demos are in {trees}" if any(folders(trees)) else ""
        raise LabError(f"{call.medium} was not imported: {said[-1] if said else 'it said nothing'}{more}")
    return imported(trees, config / SITE_FILE)


def imported(trees: Path, site_file: Path) -> Imported:
    """What an import with --add has left."""
    site = labsite.read(site_file)
    key = next(reversed(site["profiles"]))
    name = str(site["trees"][key]["path"])
    manifest = read_manifest(trees / name)
    if manifest is None or key_of(manifest.name) != key:
        raise LabError(f"{trees / name / FILE_NAME} is no manifest of {key}")
    return Imported(trees, manifest, site_of(site, key))


def site_of(site: dict[str, Any], key: str) -> dict[str, Any]:
    """The site with the tree and the profile of this name alone, for every machine."""
    found = copy.deepcopy(site)
    found["trees"] = {key: found["trees"][key]}
    found["profiles"] = {key: {**found["profiles"][key], "prompt": False, "console": {"device": "ttyS0"}}}
    for one in (*found["subnets"], *(found.get("hosts") or {}).values()):
        if "profile" in one:
            one["profile"] = key
    return found


def look_at(kind: str) -> Sequence[str]:
    """What a person should see on the machine, with this installer."""
    from twinboot.kinds import INSTALLERS  # late: the driver must start without it

    return INSTALLERS.get(kind).look_at

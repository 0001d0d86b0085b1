"""Big sites and big media, with figures: `make bench-trees RUNS=n HOSTS=n GB=n`.

Rendering: a site with hosts of every installer kind, all files of one server, in this process. Import: an
ISO image of files of a distribution's sizes, by the sidecar's own container as an operator calls it, beside
`cp` of the same image in the same place, both until all is on the disk (sync), one after the other.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from rendering import mixed_hosts, rendered
from twinboot.site import parse
from twinlab.host.images import VERSION, build_test_image

RUNS = int(os.environ.get("BENCH_RUNS") or 5)
HOSTS = int(os.environ.get("BENCH_HOSTS") or 10_000)
GIGABYTES = float(os.environ.get("BENCH_GB") or 2)
ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build/bench/trees"
RESULTS = ROOT / "build/bench/trees.json"
MEDIA_IMAGE = f"twinboot-test/media:{VERSION}"
SIDECAR = f"twinboot/sidecar:{VERSION}"
SIZES = (20_000, 60_000, 200_000, 900_000, 4_000_000, 30_000_000)
"""Bytes of packages, as often as each other but for the largest."""


def timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def told(name: str, seconds: dict[str, list[float]]) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**kept, name: seconds}, indent=1))
    print(f"\n| {name} | s, median [min-max] |\n|---|---|")
    for what, runs in seconds.items():
        print(f"| {what} | {median(runs):.2f} [{min(runs):.2f}-{max(runs):.2f}] |")


def test_rendering() -> None:
    document = mixed_hosts(HOSTS)
    site = parse(document)
    told(f"{HOSTS:,} hosts of {len(site.profiles)} profiles of all kinds", {
        "checked (site file's content to site)": [timed(lambda: parse(document)) for _ in range(RUNS)],
        "rendered": [timed(lambda: rendered(site)) for _ in range(RUNS)],
    })  # fmt: skip


@pytest.fixture(scope="module")
def iso() -> Path:
    """Made once; its files cannot be compressed."""
    made = FOLDER / f"{GIGABYTES:g}.iso"
    if made.exists():
        return made
    build_test_image(MEDIA_IMAGE, print)
    chance, left, number = random.Random(2008), int(GIGABYTES * 1e9), 0
    folder = FOLDER / "medium"
    while left > 0:
        size = min(left, SIZES[-1] if number % 20 == 0 else chance.choice(SIZES[:-1]))
        place = folder / f"Packages/{number % 26:02}/{number}.rpm"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(size))
        left, number = left - size, number + 1
    (folder / "vmlinuz").write_bytes(b"kernel")
    _docker("-v", f"{FOLDER}:/m", MEDIA_IMAGE, "sh", "-ec",
            f"xorriso -as mkisofs -quiet -R -V BENCH -o /m/part.iso /m/medium && rm -r /m/medium && "
            f"chmod 644 /m/part.iso && mv /m/part.iso /m/{made.name}")  # fmt: skip
    return made


def _docker(*words: str) -> None:
    subprocess.run(("docker", "run", "--rm", "--network", "none", *words), check=True, capture_output=True)


def test_import(iso: Path) -> None:
    trees = FOLDER / "trees"
    trees.mkdir(exist_ok=True)
    mounts = ("-v", f"{trees}:/srv/trees", "-v", f"{iso}:/mnt/medium.iso:ro")
    clean = ("-v", f"{trees}:/srv/trees", "--entrypoint", "sh", SIDECAR, "-c",
             "rm -rf /srv/trees/* /srv/trees/.twinboot; sync")  # fmt: skip

    def copied() -> None:
        _docker(*mounts, "--entrypoint", "sh", SIDECAR, "-ec",
                "cp /mnt/medium.iso /srv/trees/copy && sync -f /srv/trees/copy")  # fmt: skip

    def imported() -> None:
        _docker(*mounts, SIDECAR, "import", "/mnt/medium.iso", "--kernel", "vmlinuz", "--name", "t")

    seconds: dict[str, list[float]] = {"cp and sync": [], "import": []}
    for _ in range(RUNS):
        for work, runs in zip((copied, imported), seconds.values(), strict=True):
            _docker(*clean)
            runs.append(timed(work))
    _docker(*clean)
    told(f"an ISO image of {iso.stat().st_size / 1e9:.1f} GB", seconds)
    rates = [iso.stat().st_size / 1e6 / median(runs) for runs in seconds.values()]
    print(f"\n{rates[0]:.0f} and {rates[1]:.0f} MB/s: {rates[1] / rates[0]:.0%} of the copy's speed")

"""Many machines known, many installing at once: what the sidecar and the page take, and how far the page is
behind. `make bench-machines HOSTS=n MACHINES=n SECONDS=n`.

The real agents of two servers run in a container of the image `netns`, without daemons, and the real page in
its own; machines_inside.py is what reports, and what looks at the page.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from twinlab.host import images, layout, testlab
from twinlab.host.engine import docker

HOSTS = int(os.environ.get("BENCH_HOSTS") or 10_000)
MACHINES = int(os.environ.get("BENCH_MACHINES") or 1_000)
SECONDS = int(os.environ.get("BENCH_SECONDS") or 60)
ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build/bench/machines.json"
LAB = testlab.name("bench-machines")
PAGE_IMAGE = f"twinboot-test/page:{images.VERSION}"


def run_inside(base: Path) -> dict[str, Any]:
    """Its figures; `base` is a folder that both containers have at its own path."""
    paths = ":".join(str(ROOT / part) for part in ("images/sidecar", "tests/netns", "tests/bench"))
    inside, page = f"{LAB}-agents", f"{LAB}-page"
    command = (
        "docker", "run", "--rm", "--name", inside, *layout.labels(LAB), "--privileged", "--network", "none",
        "--cpu-shares", "8192", "--volume", f"{ROOT}:{ROOT}:ro", "--volume", f"{base}:{base}",
        "--env", f"PYTHONPATH={paths}",
        "--env", "PYTHONDONTWRITEBYTECODE=1", "--env", f"BENCH_PROFILE={os.environ.get('BENCH_PROFILE', '')}",
        images.NETNS_IMAGE, "python3", str(ROOT / "tests/bench/machines_inside.py"), str(base), str(HOSTS),
        str(MACHINES), str(SECONDS),
    )  # fmt: skip
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as agents:
            assert agents.stdout is not None
            assert agents.stdout.readline(), "the agents did not start"
            line = base / "server2/page-ipc"
            docker("run", "--detach", "--rm", "--name", page, *layout.labels(LAB), "--network", "none",
                   "--pid", f"container:{inside}", "--volume", f"{line}:/run/page-ipc:ro",
                   "--volume", f"{base / 'page'}:/run/page", PAGE_IMAGE)  # fmt: skip
            said = agents.stdout.readline()
        assert said, "the agents ended without figures"
        found: dict[str, Any] = json.loads(said)
        return found
    finally:
        subprocess.run(("docker", "rm", "--force", inside, page), capture_output=True, check=False)


def told(values: list[float], unit: str, digits: int = 1) -> str:
    if not values:
        return "nothing"
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return f"{median(values):.{digits}f} {unit} [{low}-{high}], {len(values)} times"


def test_machines() -> None:
    images.build_test_image(images.NETNS_IMAGE, print, again=True)
    docker("build", "-q", "--build-arg", f"BASE={images.versions()['BASE']}", "-t", PAGE_IMAGE,
           str(ROOT / "images/page"), timeout_s=900)  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="twinboot-bench-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        (base / "page").mkdir()
        (base / "page").chmod(0o777)
        found = run_inside(base)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found))
    print(f"\n{HOSTS} machines known, {MACHINES} install; all began in {found.pop('begun_s')['all']:.1f} s")
    for name, one in found.items():
        print(f"{name}: {one['answers']}, {one['reloads']} reloads, {one['faults'] or 'no faults'}")
        for process, figures in one["processes"].items():
            print(f"  {process}: {told(figures['core_percent'], '% of a core', 2)}, "
                  f"{figures['resident_mb']:.0f} MB")  # fmt: skip
        for what in ("api_s", "page_s", "answer_s"):
            print(f"  {what}: {told(one[what], 's', 3)}")
        assert not one["faults"]

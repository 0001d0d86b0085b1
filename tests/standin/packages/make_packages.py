#!/usr/bin/env python3
"""Makes the stand-in's RPM packages: the same bytes on every machine and every day.

Owns names, sizes and contents; the repository's metadata is createrepo_c's work (see the Dockerfile).
The bulk is seeded noise, so that nothing on the way can compress it; two packages are real: a busybox
system and the kernel that boots it.

usage: make_packages.py SYSTEM_DIR KERNEL_DIR OUT_DIR
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSION = "9.0"
EPOCH_S = 1704067200  # 2024-01-01, for every time stamp
NOISE_KIB = (192, 384, 512, 768, 1024, 1536, 2048, 2560, 3072, 4096, 5120, 6144)
NOISE_PACKAGES = 23


@dataclass(frozen=True)
class Package:
    """One binary package: its files come from a directory laid out as on the target."""

    name: str
    root: Path
    requires: tuple[str, ...] = ()


def noise_package(number: int, parent: Path) -> Package:
    """Seeded noise in three files, about the spread of sizes that a distribution has."""
    name = f"standin-data{number:02d}"
    rng = random.Random(name)
    root = parent / name
    total = NOISE_KIB[number % len(NOISE_KIB)] * 1024
    for part, share in enumerate((0.6, 0.3, 0.1)):
        path = root / f"usr/share/standin/{name}/part{part}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(int(total * share)))
    return Package(name, root, requires=("standin-base",))


def files_section(package: Package) -> list[str]:
    """%files: directories of a package that others also have stay unowned, except in the base package."""
    lines = []
    for path in sorted(package.root.rglob("*")):
        name = "/" + str(path.relative_to(package.root))
        if path.is_dir() and not path.is_symlink():
            if package.name == "standin-base":
                lines.append(f"%dir {name}")
        else:
            lines.append(name)
    return lines


def spec(packages: list[Package]) -> str:
    """One spec file with one subpackage each: rpmbuild is run once."""
    lines = [
        "Name: standin",
        f"Version: {VERSION}",
        "Release: 1",
        "Summary: Synthetic packages of Twinboot's installer stand-in",
        "License: Apache-2.0",
        "BuildArch: noarch",
        "AutoReqProv: no",
        "%description",
        "Not a distribution.",
    ]
    for package in packages:
        lines += [f"%package -n {package.name}", f"Summary: {package.name}", "AutoReqProv: no"]
        lines += [f"Requires: {name}" for name in package.requires]
        lines += [f"%description -n {package.name}", "Synthetic."]
    lines.append("%install")
    lines += [f"mkdir -p %{{buildroot}} && cp -a {package.root}/. %{{buildroot}}/" for package in packages]
    for package in packages:
        lines += [f"%files -n {package.name}", "%defattr(-,root,root)", *files_section(package)]
    return "\n".join(lines) + "\n"


def main(system: Path, kernel: Path, out: Path) -> None:
    work = Path("/tmp/standin-packages")
    shutil.rmtree(work, ignore_errors=True)
    packages = [
        Package("standin-base", system),
        Package("standin-kernel", kernel, requires=("standin-base",)),
        *(noise_package(number, work / "noise") for number in range(1, NOISE_PACKAGES + 1)),
    ]
    spec_file = work / "standin.spec"
    spec_file.write_text(spec(packages), encoding="ascii")
    defines = {
        "_topdir": str(work / "rpmbuild"),
        "_rpmdir": str(work / "rpms"),
        "_binary_payload": "w.ufdio",  # noise does not shrink, and unpacking is dear in an emulated machine
        "_buildhost": "standin",
        "use_source_date_epoch_as_buildtime": "1",
        "clamp_mtime_to_source_date_epoch": "1",
        "__os_install_post": "%{nil}",
        "debug_package": "%{nil}",
        "_binaries_in_noarch_packages_terminate_build": "0",
    }
    command = ["rpmbuild", "-bb", "--quiet"]
    for key, value in defines.items():
        command += ["--define", f"{key} {value}"]
    subprocess.run(
        [*command, str(spec_file)],
        check=True,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(work),
            "SOURCE_DATE_EPOCH": str(EPOCH_S),
        },
    )
    out.mkdir(parents=True, exist_ok=True)
    for rpm in sorted((work / "rpms").rglob("*.rpm")):
        shutil.move(rpm, out / rpm.name)


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))

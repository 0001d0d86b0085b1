#!/usr/bin/env python3
"""Prints comps.xml for the packages of a directory: @core, @standin and @^minimal-environment.

The names of groups are those that kickstart files of real distributions use, so that the same kickstart
file works with the stand-in's tree. usage: comps.py PACKAGES_DIR
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def group(name: str, packages: list[str]) -> str:
    entries = "".join(f'<packagereq type="mandatory">{package}</packagereq>' for package in packages)
    return (
        f"<group><id>{name}</id><name>{name}</name><description/><default>true</default>"
        f"<uservisible>true</uservisible><packagelist>{entries}</packagelist></group>"
    )


def main(directory: Path) -> None:
    names = sorted(re.sub(r"-[^-]+-[^-]+\.[^.]+\.rpm$", "", path.name) for path in directory.glob("*.rpm"))
    essential = [name for name in names if not name.startswith("standin-data")]
    print('<?xml version="1.0" encoding="UTF-8"?><comps>')
    print(group("core", names))
    print(group("standin", essential))
    print(
        "<environment><id>minimal-environment</id><name>Minimal Install</name><description/>"
        "<display_order>1</display_order><grouplist><groupid>core</groupid></grouplist></environment>"
    )
    print("</comps>")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

#!/usr/bin/env python3
"""The machines of a site as an inventory of Ansible: ansible-inventory -i twinboot_inventory.py --graph

Settings come from the environment:
  TWINBOOT_URL         such as https://192.168.0.253; of any server or virtual address, several with a comma:
                       the first one that answers counts
  TWINBOOT_CA          file with the certificate of HTTPS, when no authority that this machine knows issued it
  TWINBOOT_TOKEN_FILE  file with a token, where reading takes one

Groups: profile_NAME, group_NAME (of the virtual address), state_NAME (done, failed, packages ...).
"""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

PAGE = 1000
WAIT_S = 10.0


def ask(url: str, path: str) -> Any:
    """One answer of the API."""
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v1/{path}")
    if name := os.environ.get("TWINBOOT_TOKEN_FILE"):
        if not url.startswith("https://"):
            raise OSError("a token goes over https:// alone")
        with open(name, encoding="ascii") as file:
            request.add_header("Authorization", f"Bearer {file.read().strip()}")
    trusted = ssl.create_default_context(cafile=os.environ.get("TWINBOOT_CA"))
    with urllib.request.urlopen(request, timeout=WAIT_S, context=trusted) as answer:
        return json.load(answer)


def machines(urls: list[str]) -> list[dict[str, Any]]:
    """All machines, of the first server that tells them. OSError with what each one said."""
    said = []
    for url in urls:
        found: list[dict[str, Any]] = []
        offset: int | None = 0
        try:
            while offset is not None:
                page = ask(url, f"machines?limit={PAGE}&offset={offset}")
                found += page["machines"]
                offset = page["next"]
        except (OSError, ValueError, KeyError) as exc:
            said.append(f"{url}: {exc}")
        else:
            return found
    raise OSError("; ".join(said))


def inventory(found: list[dict[str, Any]]) -> dict[str, Any]:
    """As ansible-inventory --list prints it."""
    groups: dict[str, Any] = {"_meta": {"hostvars": {}}}
    for one in found:
        address = one["addresses"][0] if one["addresses"] else one["name"]
        groups["_meta"]["hostvars"][one["name"]] = {
            "ansible_host": address, "twinboot_state": one["state"], "twinboot_profile": one["profile"],
            "twinboot_macs": one["macs"],
        }  # fmt: skip
        for kind in ("profile", "group", "state"):
            if one[kind]:
                name = re.sub(r"\W", "_", f"{kind}_{one[kind]}")
                groups.setdefault(name, {"hosts": []})["hosts"].append(one["name"])
    return groups


def main(arguments: list[str]) -> int:
    if arguments and arguments[0] == "--host":
        print("{}")  # --list has told it all
        return 0
    urls = [one.strip() for one in os.environ.get("TWINBOOT_URL", "").split(",") if one.strip()]
    if not urls:
        print("TWINBOOT_URL is not set: https://ADDRESS of a server", file=sys.stderr)
        return 2
    try:
        print(json.dumps(inventory(machines(urls)), indent=1))
    except OSError as exc:
        print(f"no server answers: {exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Sites for the render tests: the examples, one with everything in it, and big ones."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from twinboot.kinds import INSTALLERS
from twinboot.render import Rendered, render
from twinboot.site import Site, parse

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "config" / "examples"
TEMPLATES = (ROOT / "config" / "templates",)
GOOD: dict[str, Any] = yaml.safe_load((EXAMPLES / "parity.yaml").read_text())
NAMES = ("parity", "dns", "load", "everything")
KINDS = tuple(name for name in INSTALLERS.names() if name not in ("kickstart", "custom"))
"""Sites beside the tests, one of each installer kind that the others do not have: kickstart is in the
examples, and custom's templates are an operator's own, which are not here."""


def document(name: str) -> dict[str, Any]:
    """The site file of this name, as read: an example, or one beside the tests."""
    path = EXAMPLES / f"{name}.yaml"
    if not path.exists():
        path = Path(__file__).parent / "sites" / f"{name}.yaml"
    assert path.exists(), (
        f"add tests/render/sites/{name}.yaml: each installer kind has a site there with all that it knows, "
        "as agama.yaml; then `make generated`"
    )
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def site(name: str = "parity", **changes: Any) -> Site:
    """A site with some top-level sections replaced."""
    return parse({**document(name), **changes})


def with_profile(**values: Any) -> Site:
    """The parity example with some values of its profile replaced."""
    changed = copy.deepcopy(GOOD)
    changed["profiles"]["rh9"].update(values)
    return parse(changed)


def rendered(of: Site, server: str | None = None, **options: Any) -> Rendered:
    """The files of a server, the first one unless named."""
    return render(
        of, server or next(iter(of.servers)), **{"templates": TEMPLATES, "secrets": SECRETS, **options}
    )


def fetched(of: Site) -> dict[str, str]:
    """Published files by the path they are fetched as, those that are private, too."""
    return {re.sub("^private/[0-9.]+/", "", path): text for path, text in rendered(of).pub.items()}


def sources(text: str) -> str:
    """Answers without the line that names whom the install is reported to: every group's address."""
    return re.sub(r"^host=\S+ servers='[^']*' .*\n", "", text, flags=re.MULTILINE)


def answer(files: Rendered, path: str) -> str:
    """The published file that is fetched as `path`, private or not."""
    return next(text for place, text in files.pub.items() if place == path or place.endswith(f"/{path}"))


SECRETS = {"secrets/root.hash": "$6$salt$hashhashhash\n"}


def many_hosts(count: int) -> Site:
    """A site of one /16 with this many hosts."""
    return parse(_of_one_subnet(count, ["rh9"]))


def mixed_hosts(count: int) -> dict[str, Any]:
    """The same as a document, hosts taking turns at the profiles of the sites of all installer kinds."""
    trees, profiles, variables = dict(GOOD["trees"]), dict(GOOD["profiles"]), {}
    for name in ("everything", "custom", *KINDS):
        of = document(name)
        variables |= of.get("vars") or {}
        trees |= {f"{name}-{tree}": values for tree, values in of["trees"].items()}
        for profile, values in of["profiles"].items():
            # without templates of an operator's own, which are not here
            own = {key: value for key, value in values.items() if key not in ("template", "custom")}
            arguments = [one for one in own.get("kernel_args", ()) if "{answers}" not in one]
            tree = f"{name}-{values['tree']}"
            profiles[f"{name}-{profile}"] = {**own, "tree": tree, "kernel_args": arguments}
    found = _of_one_subnet(count, list(profiles))
    return {**found, "trees": trees, "profiles": profiles, "vars": variables}


def _of_one_subnet(count: int, profiles: Sequence[str]) -> dict[str, Any]:
    """Hosts take turns at the profiles."""
    changed = copy.deepcopy(GOOD)
    changed["subnets"] = [{"network": "10.1.0.0/16", "router": "10.1.0.1", "profile": "rh9"}]
    for number, server in enumerate(changed["servers"].values(), 2):
        server.update(address=f"10.1.0.{number}", links=None)
    for number, group in enumerate(changed["groups"].values(), 10):
        group["address"] = f"10.1.0.{number}"
    changed["dns"] = {}
    changed["hosts"] = {
        f"n{number}": {
            "mac": f"52:54:00:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
            "address": f"10.1.{1 + number // 250}.{1 + number % 250}",
            "profile": profiles[number % len(profiles)],
        }
        for number in range(count)
    }
    return changed

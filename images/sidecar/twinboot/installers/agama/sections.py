"""Sections of an Agama profile as values: what each setting of a profile becomes.

Only what every Agama of release 16 takes: proxy and ntp have sections in later ones alone, so they are the
setup script's (new_system), as accounts and keys are. Source: profile.schema.json of Agama's branch SLE-16
and of its main one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from ..holding import holding_guard
from ..new_system import needs_sudo, setup_script
from .network import connections
from .reports import ASKING_NAME, asking
from .storage import SCRIPT_NAME, SHEBANG, heading, linking_script, storage

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile
    from ..base import Passwords

GUARD_NAME = "twinboot-known.sh"
LOCKED = "*"
"""No password opens the account (shadow(5)); Agama installs nothing that nobody could log in to, without."""
PRODUCTS = {"sles16": "SLES", "leap16": "openSUSE_Leap", "leap16.0": "Leap_16.0"}
"""Identifiers of Agama's products.d, of its branch SLE-16 for 16.0. Leap's was changed for 16.1
(bsc#1249399)."""
_REACHED = """\
systemctl enable sshd.service || true
! command -v firewall-offline-cmd >/dev/null || firewall-offline-cmd --add-service=ssh || true
"""


def sections(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, JsonValue]:
    """Every section by its name, in the order of the file: what is erased stands first."""
    profile = plan.site.profiles[install.profile]
    root: dict[str, JsonValue] = {"password": passwords.root or LOCKED, "hashedPassword": True}
    if profile.ssh_keys:  # one is enough for Agama to let SSH in; the setup script writes all
        root["sshPublicKey"] = profile.ssh_keys[0]
    found: dict[str, JsonValue] = {
        "scripts": _scripts(plan, install, machine, passwords),
        "product": {"id": PRODUCTS[profile.checked_version]},
        "questions": {"policy": "auto"},
        "localization": {
            "language": profile.lang, "keyboard": profile.keyboard, "timezone": profile.timezone
        },
        "root": root,
        "storage": storage(plan.disks(install)),
        "software": _software(profile),
    }  # fmt: skip
    if machine is not None:
        found["hostname"] = {"static": f"{machine.name}.{plan.site.domain}"}
    if links := connections(plan, install, machine):
        found["network"] = {"connections": links}
    return found


def _software(profile: Profile) -> dict[str, JsonValue]:
    named = profile.packages or ()
    packages = [one for one in named if not one.startswith(("@", "-"))]
    packages += ["openssh", *(["sudo"] if needs_sudo(profile) else []), *(["chrony"] if profile.ntp else [])]
    patterns = {
        "add": [one[1:] for one in named if one.startswith("@")],
        "remove": [one[2:] for one in named if one.startswith("-@")],
    }
    kept: dict[str, JsonValue] = {name: [*names] for name, names in patterns.items() if names}
    return {**({"patterns": kept} if kept else {}), "packages": [*dict.fromkeys(packages)]}


def _scripts(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, JsonValue]:
    profile = plan.site.profiles[install.profile]
    before = [_script(SCRIPT_NAME, linking_script(plan.disks(install)))]
    if machine is None and (guard := holding_guard(plan)):
        before.insert(0, _script(GUARD_NAME, heading(plan.disks(install)) + guard))
    if machine is not None:
        text = asking(plan, install, machine)
        before.insert(0, _script(ASKING_NAME, heading(plan.disks(install)) + text))
    setup = setup_script(plan, profile, passwords)
    texts = {"setup": _REACHED + setup, "post": profile.post}
    after = [
        _script(f"twinboot-{name}.sh", f"{SHEBANG}{text}", chroot=True)
        for name, text in texts.items() if text.strip()
    ]  # fmt: skip
    return {"pre": before, "post": after}


def _script(name: str, text: str, **more: JsonValue) -> JsonValue:
    return {"name": name, **more, "content": f"{text.rstrip()}\n"}

"""Sections of an AutoYaST profile as values: what each setting of a profile becomes.

All of them are done in the first stage, before the first start from the disk. Accounts, keys, time servers
and the proxy are the setup script's (new_system). Sources: the RELAX NG of AutoYaST and of YaST's modules,
inst_autosetup.rb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.model.site import Finish
from ..holding import holding_guard
from ..new_system import needs_sudo, setup_script
from .additions import needs_second_stage
from .disks import SCRIPT_NAME, drives, writing_script
from .locales import keymap, language
from .network import networking
from .reports import ASKING_NAME, asking, end, finishing

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile
    from ..base import Passwords

GUARD_NAME = "twinboot-known.sh"
LOCKED = "*"
"""No password opens the account (shadow(5))."""
DEFAULT_PACKAGES = ("@base",)
_BASE_PRODUCTS = {"sles15": "SLES"}
"""Where media hold several; the only one of a medium needs no name."""
_DEFAULT_MODULES = ("Module-Basesystem", "Module-Server-Applications")
"""Folders of SUSE's Full medium, each a repository, that a server has; others in the profile's own words."""
_NOTICE = (
    "Is this machine known under another network card? If this stays, it is, and nothing was erased: the "
    "console says which one it is."
)


def sections(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, JsonValue]:
    """Every section by its name, in the order of the file."""
    profile = plan.site.profiles[install.profile]
    found: dict[str, JsonValue] = {
        "general": _general(profile),
        # a fault waits for somebody; the rest is seen for some seconds
        "report": {
            name: {"log": True, "show": True, "timeout": 0 if name == "errors" else 10}
            for name in ("errors", "warnings", "messages", "yesno_messages")
        },
        "language": {"language": language(profile)},
        "keyboard": {"keymap": keymap(profile)},
        "timezone": {"hwclock": "UTC", "timezone": profile.timezone},
        "partitioning": drives(plan.disks(install)),
        "bootloader": {"global": {"os_prober": "false", "timeout": 5}},
        "networking": networking(plan, install, machine),
        "firewall": {
            "enable_firewall": True, "start_firewall": True, "default_zone": "public",
            "zones": [{"name": "public", "services": ["ssh", "dhcpv6-client"]}],
        },
        "software": _software(profile),
        "services-manager": {"services": {"enable": ["sshd"]}},
        "users": [{"username": "root", "encrypted": True, "user_password": passwords.root or LOCKED}],
        "scripts": _scripts(plan, install, machine, passwords),
    }  # fmt: skip
    if add_ons := _add_ons(plan, install):
        found["add-on"] = {"add_on_products": add_ons}
    return found


def _general(profile: Profile) -> dict[str, JsonValue]:
    mode: dict[str, JsonValue] = {
        "confirm": False, "second_stage": needs_second_stage(profile.additions.get("autoyast")),
    }  # fmt: skip
    if profile.finish is Finish.POWEROFF:
        mode["final_halt" if mode["second_stage"] else "halt"] = True
    # YaST's own updates are asked for on the Internet
    return {"mode": mode, "self_update": False}


def _software(profile: Profile) -> dict[str, JsonValue]:
    named = DEFAULT_PACKAGES if profile.packages is None else profile.packages
    packages = [one for one in named if not one.startswith(("@", "-"))]
    packages += ["openssh", *(["sudo"] if needs_sudo(profile) else []), *(["chrony"] if profile.ntp else [])]
    found: dict[str, list[str]] = {
        "products": [_BASE_PRODUCTS[one] for one in (profile.version,) if one in _BASE_PRODUCTS],
        "patterns": [one[1:] for one in named if one.startswith("@")],
        "packages": list(dict.fromkeys(packages)),
        "remove-patterns": [one[2:] for one in named if one.startswith("-@")],
        "remove-packages": [one[1:] for one in named if one.startswith("-") and not one.startswith("-@")],
    }
    return {name: [*names] for name, names in found.items() if names}


def _scripts(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, JsonValue]:
    profile = plan.site.profiles[install.profile]
    before: list[JsonValue] = []
    if machine is None and (guard := holding_guard(plan)):
        before.append(_script(GUARD_NAME, guard, notification=_NOTICE))
    static = machine is not None and machine.host.static and plan.wiring(install) is None
    server = str(plan.vip(machine.group)) if machine is not None and static else None
    before.append(_script(SCRIPT_NAME, writing_script(plan.disks(install), server)))
    if machine is not None:
        before.insert(0, _script(ASKING_NAME, asking(plan, install, machine)))
    setup = setup_script(plan, profile, passwords)
    texts = {"finishing": finishing() if machine else "", "setup": setup, "post": profile.post}
    after: list[JsonValue] = [
        _script(f"twinboot-{name}.sh", text, chrooted=True)
        for name, text in texts.items() if text.strip()
    ]  # fmt: skip
    return {"pre-scripts": before, **({"chroot-scripts": after} if after else {})}


def last_script(machine: Machine | None) -> JsonValue:
    """The last script that runs in the new system, after those of the profile; None: machines that are not
    known report nothing."""
    return _script("twinboot-end.sh", end(), chrooted=True) if machine is not None else None


def _script(name: str, text: str, **more: JsonValue) -> JsonValue:
    source = f"\n{text.rstrip()}\n"
    return {"filename": name, "interpreter": "shell", "debug": False, **more, "source": source}


def _add_ons(plan: SitePlan, install: Install) -> list[JsonValue]:
    """The modules of the tree that a server has, when it is a medium with several repositories."""
    tree = plan.site.profiles[install.profile].tree
    folders = [path.rpartition("/")[2] for path in plan.repositories(tree)]
    return [
        {
            "media_url": plan.tree_url(install), "product_dir": f"/{folder}",
            "product": f"sle-module-{folder.removeprefix('Module-').lower()}", "ask_on_error": False,
        }
        for folder in _DEFAULT_MODULES if folder in folders
    ]  # fmt: skip

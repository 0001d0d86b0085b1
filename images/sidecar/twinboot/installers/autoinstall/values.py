"""The configuration that cloud-init hands to Subiquity, and what a template of an operator's own must hold.

Source: Subiquity's "Autoinstall configuration reference manual"; cloud-init's module reference for the first
start of the new system (user-data).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import yaml

from ...site.faults import Fault
from ...site.model.site import Finish
from ..base import common_values
from ..merging import merged
from .network import netplan
from .releases import release_of
from .scripts import DISK, EARLY, FOLDER, commands, erased, files_of, scripts
from .text import keyboard, packages_of
from .trees import has_archive
from .yaml_text import section_of, yaml_of

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile
    from ..base import Passwords

SHUTDOWN = {Finish.REBOOT: "reboot", Finish.POWEROFF: "poweroff"}


def own_storage(profile: Profile) -> bool:
    """Does the profile's own storage take the place of ours?"""
    own = profile.additions.get("autoinstall")
    storage = own.get("storage") if isinstance(own, dict) else None
    return isinstance(storage, dict) and ("config" in storage or _matches(storage))


def user_data_values(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords, *, guarded: bool
) -> dict[str, Any]:
    """Everything that default.yaml.j2 and templates of an operator's own may use."""
    site = plan.site
    profile = site.profiles[install.profile]
    autoinstall = _autoinstall(plan, install, machine, passwords)
    needs = str((autoinstall["storage"], autoinstall.get("network")))
    texts = scripts(plan, install, machine, passwords, guarded=guarded, needs=needs)
    return {
        **common_values(plan, install, machine),
        "note": erased(plan.disks(install), own_storage=own_storage(profile)),
        "os": release_of(profile),
        "write_files": files_of(texts),
        "autoinstall": autoinstall,
        "config": "".join((
            "write_files:\n", *map(_file, texts.items()), section_of("autoinstall", autoinstall)
        )),
    }


@functools.lru_cache(maxsize=64)
def _file(script: tuple[str, str]) -> str:
    """An entry of write_files. Most hosts of a profile have the same but for one."""
    return yaml_of({"": files_of(dict((script,)))}).partition("\n")[2]


def own_faults(path: str, text: str) -> Iterator[Fault]:
    """Faults of a known machine's answers that an operator's own template makes: what they must hold, and
    that the installer asks before it erases."""
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        yield Fault(path, "", f"no YAML of what it becomes: {exc}; `| tojson` writes a value so that it is")
        return
    config = read if isinstance(read, dict) else {}
    files, own = config.get("write_files"), config.get("autoinstall")
    early = own.get("early-commands") if isinstance(own, dict) else None
    if EARLY not in (early if isinstance(early, list) else ()):
        yield Fault(path, EARLY, "is no early command of it; write autoinstall: {{ autoinstall | tojson }}")
    written = [one.get("path") for one in files if isinstance(one, dict)] if isinstance(files, list) else []
    for name in ("early", "report"):
        if f"{FOLDER}/{name}.sh" not in written:
            remedy = "is not written by it; write write_files: {{ write_files | tojson }}"
            yield Fault(path, f"{FOLDER}/{name}.sh", remedy)


def meta_data(plan: SitePlan, install: Install, machine: Machine | None) -> str:
    """cloud-init takes a machine for a new one by its instance-id."""
    found = {"instance-id": f"twinboot-{plan.site.cluster}-{install.host or install.answers}"}
    if machine is not None:
        found["local-hostname"] = machine.name
    return yaml_of(found)


def _autoinstall(
    plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
) -> dict[str, Any]:
    profile = plan.site.profiles[install.profile]
    own: Mapping[str, Any] = profile.additions.get("autoinstall") or {}  # type: ignore[assignment]
    packages, lists = packages_of(profile.packages or ()), commands(machine, own)
    ours: dict[str, Any] = {
        "version": 1,
        **lists,
        "locale": profile.lang,
        "keyboard": keyboard(profile.keyboard),
        "timezone": profile.timezone,
        "apt": _apt(plan, install),
        "storage": _storage(own.get("storage")),
        "ssh": {
            "install-server": profile.packages is None or "openssh-server" in profile.packages,
            "allow-pw": bool(passwords.users),
        },
        "user-data": _first_start(plan, machine),
        "shutdown": SHUTDOWN.get(profile.finish, "reboot"),
    }
    if packages:
        ours["packages"] = packages
    if network := netplan(plan, install, machine):
        ours["network"] = network
    return {**merged(ours, own), **lists}


def _storage(own: object) -> dict[str, Any]:
    """The whole disk that the first script finds, unless the profile says otherwise."""
    if isinstance(own, dict) and "config" in own:
        return {}
    if isinstance(own, dict) and _matches(own):
        return {"layout": {"name": "direct"}}
    return {"layout": {"name": "direct", "match": {"path": DISK}}}


def _matches(storage: Mapping[str, Any]) -> bool:
    layout = storage.get("layout")
    return isinstance(layout, dict) and "match" in layout


def _apt(plan: SitePlan, install: Install) -> dict[str, Any]:
    """Packages come from the tree where it is an archive, and its spares; else from the distribution's, and
    without any from the medium."""
    profile = plan.site.profiles[install.profile]
    release = release_of(profile)
    found: dict[str, Any] = {"geoip": False}
    if has_archive(plan, install):
        urls = [one.rstrip("/") for one in plan.tree_urls(install)]
        if release.tries_mirrors:
            found["mirror-selection"] = {"primary": [{"uri": one} for one in urls]}
        else:
            found["primary"] = [{"arches": ["default"], "uri": urls[0]}]
        found["security"] = [{"arches": ["default"], "uri": urls[0]}]
    if release.falls_back:
        found["fallback"] = "offline-install"
    return found


def _first_start(plan: SitePlan, machine: Machine | None) -> dict[str, Any]:
    """What cloud-init of the new system is told: no account of its own, and the host's name."""
    # cloud-init makes an account `ubuntu` unless others are named; its schema takes no empty list. Of root,
    # which is there already, nothing is changed.
    found: dict[str, Any] = {"users": [{"name": "root", "lock_passwd": False}], "disable_root": False}
    if machine is None:
        return {**found, "preserve_hostname": True}
    return {
        **found,
        "hostname": machine.name, "fqdn": f"{machine.name}.{plan.site.domain}",
        "manage_etc_hosts": "localhost",
    }  # fmt: skip

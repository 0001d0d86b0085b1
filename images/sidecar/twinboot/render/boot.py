"""Values of boot files and kickstarts.

Owns what differs between releases of the installers: names of kernel arguments, options of commands.
Sources: Anaconda's boot options, pykickstart's command versions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..planning.plan import Install, Machine, SitePlan
from ..site.model.site import OsVersion, Tree

MAX_COMMAND_LINE = 1800
"""x86 takes 2048 bytes, and PXELINUX adds BOOT_IMAGE=, initrd= and BOOTIF=. Mirrors give way."""
NETWORK_RETRY_ARGS = ("rd.net.dhcp.retry=3", "systemd.setenv=RES_OPTIONS=timeout:1")
"""For installers made with dracut and systemd. The first: DHCP is tried again from the start when it failed
(dracut.cmdline(7), nm-initrd-generator(8)). The second: the resolver asks the next name server after one
second instead of five (resolv.conf(5), systemd.setenv in systemd(1))."""


def pxelinux_config_name(address: object) -> str:
    """192.168.0.128 -> C0A80080, as pxelinux asks for it."""
    return "".join(f"{int(octet):02X}" for octet in str(address).split("."))


def boot_values(plan: SitePlan, install: Install) -> dict[str, Any]:
    """Values of boot.j2. Paths have no server: pxelinux takes them from next-server, the same group's."""
    profile = plan.site.profiles[install.profile]
    tree = plan.site.trees[profile.tree]
    repo = not plan.mirror_lists(install)
    arguments = [*_arguments(install, tree, profile.version, repo=repo), *profile.kernel_args]
    if len(" ".join(arguments)) > MAX_COMMAND_LINE:
        alone = replace(install, mirrors=())
        arguments = [*_arguments(alone, tree, profile.version, repo=repo), *profile.kernel_args]
    return {
        "prompt": profile.prompt,
        "timeout_tenths": max(1, round(profile.timeout_s * 10)),
        "message": f"{install.profile}.msg",
        "kernel": f"trees/{tree.path}/{tree.kernel}",
        "initrd": f"trees/{tree.path}/{tree.initrd}",
        "arguments": arguments,
    }


def _arguments(install: Install, tree: Tree, version: OsVersion, *, repo: bool) -> list[str]:
    """Kernel arguments. repo: name the tree; not where the kickstart names mirrors of its repositories, for
    some releases of Anaconda take this one instead."""
    kickstarts = install.kickstart_urls()
    kickstart = kickstarts[0]
    source = tree_url(install, tree)
    if version.rhel == 5:
        return [f"ks={kickstart}", f"method={source}", "ksdevice=bootif", "ip=dhcp"]
    if version.rhel == 6:
        return [f"ks={kickstart}", f"repo={source}", "ksdevice=bootif", "ip=dhcp"]
    return [
        *_tried_in_order("inst.ks", kickstarts, version),
        *([f"inst.repo={source}"] if repo else []),
        *_tried_in_order("inst.stage2", install.urls(f"trees/{tree.path}/"), version),
        "ip=dhcp",
        *NETWORK_RETRY_ARGS,
    ]


def _tried_in_order(option: str, urls: list[str], version: OsVersion) -> list[str]:
    """The option for each URL, tried in this order.

    RHEL 7 before 7.5 does not know the `.all` and takes the last one: so its own stands there once more.
    """
    if len(urls) == 1:
        return [f"{option}={urls[0]}"]
    again = urls[:1] if version.rhel == 7 else []
    return [*(f"{option}={url}" for url in (*urls, *again)), f"{option}.all"]


def tree_url(install: Install, tree: Tree) -> str:
    """Where the install tree is."""
    return install.url(f"trees/{tree.path}/")


def message_text(plan: SitePlan, name: str) -> str:
    """The text above the boot prompt."""
    profile = plan.site.profiles[name]
    if profile.message is not None:
        return profile.message.rstrip("\n")
    lines = [f"Twinboot {plan.site.cluster}: this machine will be installed with {name}."]
    if profile.prompt:
        lines.append(f"It begins in {profile.timeout_s:g} s. Type local to start from the disk instead.")
    return "\n".join(lines)


def kickstart_values(
    plan: SitePlan, install: Install, machine: Machine | None, rootpw: str | None
) -> dict[str, Any]:
    """Values of a kickstart template."""
    site = plan.site
    profile = site.profiles[install.profile]
    return {
        "title": f"host {machine.name}" if machine else f"profile {install.profile}",
        "site": site,
        "os": profile.version,
        "profile": profile,
        "host": machine.host if machine else None,
        "hostname": f"{machine.name}.{site.domain}" if machine else None,
        "tree_url": tree_url(install, site.trees[profile.tree]),
        "mirror_lists": [(one.name, install.url(one.path)) for one in plan.mirror_lists(install)],
        "network": _network(plan, machine, profile.version),
        "rootpw": rootpw,
        "package_options": _package_options(profile.version),
    }


def _network(plan: SitePlan, machine: Machine | None, version: OsVersion) -> str:
    words = ["network"]
    if machine is not None and machine.host.static:
        words += ["--bootproto=static", f"--ip={machine.host.address}"]
        words.append(f"--netmask={machine.subnet.network.netmask}")
        if machine.subnet.router is not None:
            words.append(f"--gateway={machine.subnet.router}")
        servers = ",".join(str(group.address) for group in plan.site.groups.values())
        words.append(f"--nameserver={servers}")
    else:
        words.append("--bootproto=dhcp")
    if version.rhel != 5:  # its anaconda knows neither a device named by link or MAC nor --activate
        words += [f"--device={machine.host.mac if machine else 'link'}", "--activate"]
    if machine is not None:
        words.append(f"--hostname={machine.name}.{plan.site.domain}")
    return " ".join(words)


def _package_options(version: OsVersion) -> str:
    """retries and timeout of yum and dnf: a pause while an address moves must not end an install."""
    if version.rhel is not None and version.rhel < 7:
        return ""
    return " --retries=10 --timeout=20"

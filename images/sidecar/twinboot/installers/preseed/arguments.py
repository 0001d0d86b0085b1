"""Kernel arguments of debian-installer: what it must know before it has fetched its answers.

Sources: the installation guide's appendix B ("Preseeding aliases", "Auto mode"), preseed_aliases and
env2debconf of the installer itself, its syslogd (log_host), netcfg (BOOTIF, netcfg/hostname).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..reporting import LOG_PORT

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan

OURS = (
    "auto=", "auto-install/enable=", "country=", "debconf/priority=", "debian-installer/country=",
    "debian-installer/language=", "debian-installer/locale=", "domain=", "file=", "hostname=", "interface=",
    "language=", "locale=", "netcfg/choose_interface=", "netcfg/get_domain=", "netcfg/get_hostname=",
    "netcfg/hostname=", "preseed/file=", "preseed/run=", "preseed/url=", "priority=", "url=",
)  # fmt: skip
"""Beginnings of arguments that stand here, by all their names, and of those that would take their place."""


def kernel_arguments(plan: SitePlan, install: Install) -> list[str]:
    """Ours, then the profile's own."""
    profile, machine = plan.site.profiles[install.profile], plan.machine_of(install)
    wiring = plan.wiring(install)
    arguments = [
        "auto=true", "priority=critical", f"url={plan.answer_urls(install)[0]}", *_language(profile.lang),
        # auto: the card that has booted (BOOTIF, which the boot loader adds), else the first with a link
        f"interface={wiring.interface if wiring and wiring.interface else 'auto'}",
        f"domain={plan.site.domain}",
    ]  # fmt: skip
    if machine is not None:
        arguments.append(f"netcfg/hostname={machine.name}")
        if not any(one.startswith("log_host=") for one in profile.kernel_args):
            arguments += [f"log_host={install.authority}", f"log_port={LOG_PORT}"]
    return [*arguments, *profile.kernel_args]


def _language(lang: str) -> list[str]:
    """de_AT.UTF-8: all three, since each of them that is missing is a question."""
    language, _, country = lang.partition(".")[0].partition("@")[0].partition("_")
    return [f"language={language}", f"country={country or 'US'}", f"locale={lang}"]

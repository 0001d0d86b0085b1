"""Kernel arguments of Anaconda. Sources: Anaconda's boot options, dracut.cmdline(7)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..dracut_network import RETRY_ARGUMENTS
from ..reporting import LOG_PORT
from .mirrors import mirror_lists
from .releases import Release, release_of
from .wiring import network_arguments

if TYPE_CHECKING:
    from ...planning.plan import Install, SitePlan


def kernel_arguments(plan: SitePlan, install: Install, *, room: int) -> list[str]:
    """Anaconda's arguments, then the profile's own. Mirrors give way where they do not fit in `room`
    characters."""
    own = _with_log_host(plan, install)
    # not where the kickstart names mirrors of its repositories: some releases take this one instead
    repo = not mirror_lists(plan, install)
    arguments = [*_anaconda(plan, install, repo=repo), *own]
    if len(" ".join(arguments)) > room:
        arguments = [*_anaconda(plan, replace(install, mirrors=()), repo=repo), *own]
    return arguments


def _with_log_host(plan: SitePlan, install: Install) -> list[str]:
    """The profile's own, and where a known machine's log goes, unless they say it. RHEL 5 and 6 know the
    option without its prefix."""
    own = plan.site.profiles[install.profile].kernel_args
    release = release_of(plan.site.profiles[install.profile])
    option = "syslog" if release.rhel in (5, 6) else "inst.syslog"
    if plan.machine_of(install) is None or any(one.startswith(f"{option}=") for one in own):
        return [*own]
    return [f"{option}={install.authority}:{LOG_PORT}", *own]


def _anaconda(plan: SitePlan, install: Install, *, repo: bool) -> list[str]:
    """repo: name the tree."""
    profile = plan.site.profiles[install.profile]
    release = release_of(profile)
    kickstarts = plan.answer_urls(install)
    source = plan.tree_url(install)
    network = network_arguments(plan, install, release)
    if release.rhel == 5:
        return [f"ks={kickstarts[0]}", f"method={source}", *network]
    if release.rhel == 6:
        return [f"ks={kickstarts[0]}", f"repo={source}", *network]
    return [
        *_tried_in_order("inst.ks", kickstarts, release),
        *([f"inst.repo={source}"] if repo else []),
        *_tried_in_order("inst.stage2", plan.tree_urls(install), release),
        *network,
        *RETRY_ARGUMENTS,
    ]


def _tried_in_order(option: str, urls: list[str], release: Release) -> list[str]:
    """The option for each URL, tried in this order.

    RHEL 7 before 7.5 does not know the `.all` and takes the last one: so its own stands there once more.
    """
    if len(urls) == 1:
        return [f"{option}={urls[0]}"]
    again = urls[:1] if release.rhel == 7 else []
    return [*(f"{option}={url}" for url in (*urls, *again)), f"{option}.all"]

"""Where kernel and initrds of an install tree are.

A tree that does not say so is one of an installer kind, which knows where its distributions have them.
"""

from __future__ import annotations

from ..kinds import INSTALLERS
from ..site.model.site import Profile, Site


def kernel_of(site: Site, tree: str) -> str:
    """The path of a tree's kernel, within the tree."""
    return site.trees[tree].kernel or _usual(site, tree)[0]


def initrds_of(site: Site, tree: str) -> tuple[str, ...]:
    """The paths of what is loaded beside it, in this order; none, where it needs none."""
    own = site.trees[tree].initrd
    return _usual(site, tree)[1] if own is None else own


def _usual(site: Site, tree: str) -> tuple[str, tuple[str, ...]]:
    profile = _user(site, tree)
    if profile is None:
        return INSTALLERS.get(Profile.model_fields["installer"].default).boot_files(None)
    return INSTALLERS.get(profile.installer).boot_files(profile.version)


def _user(site: Site, tree: str) -> Profile | None:
    return next((one for one in site.profiles.values() if one.tree == tree), None)

"""Kernel arguments of profiles and hosts: none that Twinboot writes itself, none that a boot loader of the
site cannot write, and no more than there is room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...kinds import LOADERS
from ..faults import Fault

_ROOM = 1200  # x86 takes 2048 bytes; Twinboot's own arguments need the rest


def argument_faults(
    path: str, arguments: Sequence[str], loaders: Sequence[str], *, reserved: Sequence[str],
    before: Sequence[str] = (),
) -> Iterator[Fault]:
    """path: of the setting. loaders: names of those that the site uses. reserved: by the installer. before:
    what the profile gives already."""
    of_site = [LOADERS.get(name) for name in loaders]
    reserved = [*reserved, *(own for one in of_site for own in one.reserved_arguments)]
    for at, argument in enumerate(arguments):
        for own in dict.fromkeys(reserved):
            if argument.startswith(own):
                yield Fault(f"{path}[{at}]", argument, f"Twinboot itself writes {own}; remove it here")
        for loader in of_site:
            if remedy := loader.argument_fault(argument):
                yield Fault(f"{path}[{at}]", argument, remedy)
    length = len(" ".join((*before, *arguments)))
    if arguments and length > _ROOM:
        with_profile = " with the profile's" if before else ""
        remedy = f"{length} characters together{with_profile}; the kernel takes about {_ROOM} of them"
        yield Fault(path, list(arguments), remedy)

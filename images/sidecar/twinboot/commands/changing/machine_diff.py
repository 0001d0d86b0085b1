"""What an edited site would change for each machine: arguments, boot files, answers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twinboot import paths

if TYPE_CHECKING:
    from twinboot.render.machine_view import MachineView
    from twinboot.site import Site

_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class MachineDifference:
    """How one thing that a machine gets changes. what: HOST stands for the machine's name. before, after:
    lines."""

    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def counts(self) -> str:
        steps = list(difflib.ndiff(self.before, self.after))
        return f"+{sum(one[0] == '+' for one in steps)} -{sum(one[0] == '-' for one in steps)}"


def views_of(
    site: Site, *, config: Path = paths.CONFIG, etc: Path = paths.ETC, trees: Path = paths.TREES
) -> dict[str, MachineView]:
    """What every machine of a site gets, by name. SiteError when it cannot be rendered."""
    from twinboot.render.generations import planned
    from twinboot.render.machine_view import views

    return dict(views(*planned(site, config, etc, trees)))


def changes_of(name: str, old: MachineView | None, new: MachineView | None) -> tuple[MachineDifference, ...]:
    """Everything that differs for a machine; a site that does not know it gives it nothing."""
    texts: list[dict[str, tuple[str, ...]]] = []
    for view in (old, new):
        told: dict[str, tuple[str, ...]] = {}
        if view is not None:
            told |= {
                what: tuple(text.split(" ")) if what == "arguments" else (text,)
                for what, text in view.facts.items()
            }
            told |= {f"boot file of {firmware}": (text,) for firmware, text in view.boot.items()}
            files = {path.replace(name, "HOST"): text for path, text in view.files.items()}
            told |= {path: tuple(text.splitlines()) for path, text in files.items()}
        texts.append(told)
    before, after = texts
    return tuple(
        MachineDifference(what, before.get(what, ()), after.get(what, ()))
        for what in dict.fromkeys((*before, *after)) if before.get(what) != after.get(what)
    )  # fmt: skip


def lines(old: Mapping[str, MachineView], new: Mapping[str, MachineView]) -> Iterator[str]:
    """Machines that change in the same things stand together."""
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in dict.fromkeys((*old, *new)):
        title = name if (new.get(name) or old[name]).known else f"unknown machines ({name})"
        if name not in new:
            alike.setdefault((("is no longer known", ""),), []).append(title)
        elif name not in old:
            alike.setdefault((("is new", ""),), []).append(title)
        elif found := changes_of(name, old[name], new[name]):
            alike.setdefault(tuple((one.what, one.counts) for one in found), []).append(title)
    for things, names in alike.items():
        more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
        yield f"  {', '.join(names[:_NAMES_SHOWN])}{more}:"
        yield from (f"    {what}  {counts}".rstrip() for what, counts in things)


def full_lines(name: str, old: MachineView | None, new: MachineView | None) -> Iterator[str]:
    """The changes of one machine, line by line."""
    for one in changes_of(name, old, new):
        what = one.what.replace("HOST", name)
        names = (f"{what} now", f"{what} then")
        yield from difflib.unified_diff(one.before, one.after, *names, lineterm="", n=1)

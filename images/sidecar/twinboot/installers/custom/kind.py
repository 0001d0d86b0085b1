"""Custom as an installer kind: combines the modules of this folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from ...site.faults import Fault
from ...site.model.site import Method
from ..base import Addition, Answers, Installer, Passwords
from . import placeholders
from .settings import SCHEMA, addition_faults, files_of, in_vain, writes_a_system
from .values import template_values

if TYPE_CHECKING:
    from ...planning.plan import Install, Machine, SitePlan
    from ...site.model.site import Profile, Wiring


class Custom(Installer):
    """See installers.base.Installer."""

    name = "custom"
    look_at = (
        "/proc/cmdline holds the arguments with every placeholder filled",
        "no disk is touched that the kernel's own program should not touch",
    )
    methods = (Method.HTTP, Method.FTP)
    addition = Addition("files: templates of files that its machines fetch, by path", SCHEMA)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "vmlinuz", ("initrd.img",)

    def once(self, profile: Profile) -> bool:
        return writes_a_system(profile) if profile.once is None else profile.once

    def profile_faults(self, path: str, profile: Profile) -> Iterator[Fault]:
        yield from in_vain(path, profile)

    def machine_faults(
        self, path: str, profile: Profile, disks: tuple[str, ...] | None, network: Wiring | None
    ) -> Iterator[Fault]:
        if path.startswith("hosts.") and not files_of(profile):
            shown = {"disks": disks, "network": network.model_dump(mode="json") if network else None}
            for name, value in shown.items():
                if value is not None:
                    remedy = "means nothing without a template that uses it (custom.files of the profile)"
                    yield Fault(f"{path}.{name}", value, remedy)

    def addition_faults(self, path: str, value: JsonValue) -> Iterator[Fault]:
        yield from super().addition_faults(path, value)
        if isinstance(value, dict):
            yield from addition_faults(path, value)

    def argument_faults(self, path: str, arguments: Sequence[str], *, known: bool) -> Iterator[Fault]:
        yield from placeholders.faults(path, arguments, known=known)

    def argument(self, plan: SitePlan, install: Install, text: str) -> str:
        return placeholders.filled(text, placeholders.values(plan, install))

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        own = plan.site.profiles[install.profile].kernel_args
        return [self.argument(plan, install, one) for one in own]

    def templates(self, profile: Profile) -> Iterator[tuple[str, str]]:
        for path, template in files_of(profile).items():
            yield f"{self.name}/{template}", f"{self.name}.files.{path}"

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        files = files_of(plan.site.profiles[install.profile])
        if not files:
            return {}
        values = template_values(plan, install, machine, passwords)
        folder = self.answer_path(install.answers)
        return {
            f"{folder}/{path}": Answers(f"{self.name}/{template}", values) for path, template in files.items()
        }

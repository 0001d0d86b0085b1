"""A toy installer, its media and a toy boot loader, which do what the interfaces ask of a kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rendering import TEMPLATES
from twinboot.installers.base import LINES, Addition, Answers, DiskLoader, Installer, Passwords
from twinboot.installers.media import MediaOptions, Medium, Recognised
from twinboot.kinds import INSTALLERS, LOADERS
from twinboot.loaders.base import BootLoader, Fill, Serves
from twinboot.loaders.firmware import Firmware
from twinboot.loaders.menu import QUEUE_S, disk_text, menu_of, queue_text
from twinboot.planning.plan import Install, Machine, SitePlan
from twinboot.site.faults import Fault
from twinboot.site.model.site import Method, Tree

TOY_CODE = 0x1234


class ToyInstaller(Installer):
    name = "toy"
    releases = ("TOY1",)
    reserved_arguments = ("toy.answers=",)
    methods = (Method.FTP,)
    default_template = "answers.j2"
    addition = Addition("lines of a toy's answers", LINES)
    disk_loaders = (DiskLoader("toy/shim{cpu}.efi"),)

    def boot_files(self, release: str | None) -> tuple[str, tuple[str, ...]]:
        return "toy/kernel", ("toy/one", "toy/two")

    def kernel_arguments(self, plan: SitePlan, install: Install, *, room: int) -> list[str]:
        return [f"toy.answers={plan.answer_urls(install)[0]}"]

    def answers(
        self, plan: SitePlan, install: Install, machine: Machine | None, passwords: Passwords
    ) -> Mapping[str, Answers]:
        own = plan.site.profiles[install.profile].additions.get("toy", ())
        template, _ = self.template(plan.site.profiles[install.profile])
        values = {"tree": plan.tree_url(install), "own": own, "vars": plan.variables(install)}
        return {self.answer_path(install.answers): Answers(template, values)}

    def more_files(self, plan: SitePlan, install: Install) -> Mapping[str, str]:
        return {"answers/toy/more": "more\n"}

    def tree_faults(self, path: str, tree: Tree, top: Path, releases: Sequence[str]) -> Iterator[Fault]:
        if not (top / "toy.txt").is_file():
            yield Fault(f"{path}.path", tree.path, f"no toy of {', '.join(releases)}")


class ToyLoader(BootLoader):
    name = "toyboot"
    serves = (Serves(Firmware("Toy", (TOY_CODE,)), "toyboot.efi"),)
    templates = ("toy/boot.j2",)
    room = 500

    def probe_file(self, plan: SitePlan) -> str:
        return "toyboot.cfg"

    def host_file(self, name: str) -> str:
        return f"toy/host.{name}"

    def files_of(self, machine: Machine) -> Iterator[str]:
        yield from (f"tftp/toy/{one}" for one in (f"host.{machine.name}", *machine.ethernet))

    def disk_file(self, plan: SitePlan, fill: Fill) -> str:
        return f"disk: {disk_text(plan)}\n"

    def queue_file(self, plan: SitePlan, fill: Fill) -> str:
        return f"again in {QUEUE_S} s: {queue_text(plan)}\n"

    def install_file(self, plan: SitePlan, install: Install, fill: Fill) -> str:
        menu, server = menu_of(plan, install, room=self.room), plan.server_of(install)
        return fill("toy/boot.j2", arguments=[*([f"from={server}"] if server else []), *menu.arguments])

    def files(self, plan: SitePlan, fill: Fill) -> Mapping[str, str]:
        shared = "".join(self.install_file(plan, one, fill) for one in plan.shared_installs())
        own = {path: self.install_file(plan, machine.install, fill)
               for machine in plan.machines for path in self.files_of(machine)}  # fmt: skip
        return {"tftp/toyboot.cfg": shared, **own}


class ToyMedia:
    name, looks_for = "toy", "toy.txt"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        return Recognised(
            kind="toy", distribution="Toy Linux", release="TOY1", architecture="x86_64", name="toy",
            kernel="k", initrds=("i",),
        ) if medium.find("toy.txt") else None  # fmt: skip


@contextmanager
def registered_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Installer and loader are registered; templates: theirs, in this folder, and Twinboot's."""
    (folder / "toy").mkdir()
    (folder / "toy" / "answers.j2").write_text("install from {{ tree }}{{ own | join(', ') }}\n")
    (folder / "toy" / "boot.j2").write_text("{% for word in arguments %}\n{{ word }}\n{% endfor %}\n")
    with INSTALLERS.registered(ToyInstaller()), LOADERS.registered(ToyLoader()):
        yield {"templates": (folder, *TEMPLATES)}

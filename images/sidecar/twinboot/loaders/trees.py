"""Which boot loaders an install tree has, whether they are whole, and what its kernel is made for. Pure: what
is on the disk is handed in.

Owns where distributions put shim and GRUB on their media and in their netboot archives, and what an operator
is told of what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..planning.boot_facts import Architecture, LoaderFiles, TreeBoot
from . import pe

_WORDS = {
    Architecture.X64: ("x64", "amd64"), Architecture.IA32: ("ia32", "i386"),
    Architecture.ARM64: ("aa64", "arm64"),
}  # fmt: skip
"""As file names of UEFI call it, and as Debian does."""
_GZIP, _BZIMAGE, _BZIMAGE_AT = b"\x1f\x8b", b"HdrS", 0x202
_NETWORK = b"blksize"
"""The option of TFTP (RFC 2348) that GRUB's module asks for: it stands in every build that can load over the
network. Debian's and Ubuntu's media have one that cannot."""


class Files(Protocol):
    """A tree. Paths are below it, parted by slashes."""

    def names(self, folder: str) -> list[str]:
        """Names in a folder; none when there is no such folder."""
        ...

    def read(self, path: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Wrong:
    """path: of the file, below the tree. fault: it is broken, and nothing of it is published; otherwise it
    works, but not under Secure Boot, or another one takes its place."""

    path: str
    what: str
    fault: bool


@dataclass(slots=True)
class TreeInspection:
    """What was found in a tree, and by whom each file is signed."""

    boot: TreeBoot = field(default_factory=TreeBoot)
    wrong: list[Wrong] = field(default_factory=list)
    signers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    trusted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By shim, the certificates that it brings."""


def look(files: Files, kernel: str, *, place: str) -> TreeInspection:
    """The boot loaders of a tree, and what its kernel is made for.

    kernel: its path in the tree. place: what stands before the tree's paths, such as `trees/rh9/`."""
    found = TreeInspection()
    made_for = _kernel(files, kernel, found)
    loaders = {}
    for architecture in Architecture:
        pair = _pair(files, architecture, found)
        if pair is not None:
            loaders[architecture] = LoaderFiles(
                f"{place}{pair.first}", f"{place}{pair.second}", pair.second_name,
                {name: f"{place}{path}" for name, path in pair.others.items()},
            )  # fmt: skip
    found.boot = TreeBoot(made_for, loaders)
    found.wrong += _unproven(found, kernel, made_for)
    return found


def _kernel(files: Files, path: str, found: TreeInspection) -> frozenset[Architecture]:
    """A kernel that is packed, or too old to be an EFI program, says nothing or little of itself. One that
    looks cut short is no fault: other loaders than EFI's do not read its header so."""
    try:
        data = files.read(path)
    except OSError:
        return frozenset()  # that it is missing is told elsewhere
    if data[:2] == b"MZ":
        try:
            program = pe.read(data)
        except pe.NotWholeError as exc:
            found.wrong.append(Wrong(path, f"{exc}: copy it again", fault=False))
            return frozenset()
        found.signers[path] = tuple(map(pe.signer, program.signatures))
        if isinstance(program.machine, Architecture):
            return frozenset((program.machine,))
        return frozenset()
    if data[_BZIMAGE_AT:_BZIMAGE_AT + len(_BZIMAGE)] == _BZIMAGE:
        return frozenset((Architecture.X64, Architecture.IA32))
    return frozenset()


def _pair(files: Files, architecture: Architecture, found: TreeInspection) -> LoaderFiles | None:
    """The first shim and GRUB of this architecture that are whole."""
    for first, second in _candidates(files, architecture):
        folder = first.rpartition("/")[0]
        if not second:
            what = f"has no {_seconds(architecture)[0]} beside it, which it would load; copy the folder again"
            found.wrong.append(Wrong(first, what, fault=False))
            continue
        programs = [_program(files, path, architecture, found) for path in (first, second)]
        if None not in programs:
            others = {
                name: f"{folder}/{name}" if folder else name
                for name in files.names(folder) if name.lower() in _others(architecture)
            }  # fmt: skip
            return LoaderFiles(first, second, second.rpartition("/")[2], others)
    return None


def _candidates(files: Files, architecture: Architecture) -> Iterator[tuple[str, str]]:
    """Shim and GRUB, or an empty name, wherever a distribution puts them: netboot archives before media."""
    short, debian = _WORDS[architecture]
    netboot = (
        f"debian-installer/{debian}", f"ubuntu-installer/{debian}",
        f"install.{debian}/netboot/debian-installer/{debian}",
        f"install/netboot/ubuntu-installer/{debian}", debian, "",
    )  # fmt: skip
    for folder in (*netboot, "EFI/BOOT"):
        real = _folder(files, folder)
        if real is None:
            continue
        names = {name.lower(): name for name in files.names(real)}
        first = next((names[one] for one in (f"bootnet{short}.efi", f"shim{short}.efi", f"boot{short}.efi")
                      if one in names), None)  # fmt: skip
        if first is None:
            continue
        second = next((names[one] for one in _seconds(architecture) if one in names), "")
        inside = f"{real}/" if real else ""
        yield f"{inside}{first}", f"{inside}{second}" if second else ""


def _seconds(architecture: Architecture) -> tuple[str, ...]:
    """GRUB's name, as the shim of most, and of SUSE, asks for it."""
    return f"grub{_WORDS[architecture][0]}.efi", "grub.efi"


def _others(architecture: Architecture) -> tuple[str, ...]:
    """What else shim asks for in its folder: the manager of its own keys, and revocations."""
    short = _WORDS[architecture][0]
    return f"mm{short}.efi", "mokmanager.efi", "revocations_sbat.efi", "revocations_sku.efi"


def _folder(files: Files, path: str) -> str | None:
    """The folder as it is written there, whatever the case; None when it is not there."""
    real = ""
    for part in path.split("/") if path else ():
        names = [name for name in files.names(real) if name.lower() == part.lower()]
        if not names:
            return None
        real = f"{real}/{names[0]}" if real else names[0]
    return real


def _program(files: Files, path: str, architecture: Architecture, found: TreeInspection) -> pe.Program | None:
    try:
        data = files.read(path)
        program = pe.read(data)
    except OSError as exc:
        found.wrong.append(Wrong(path, f"cannot be read: {exc.strerror}", fault=True))
        return None
    except pe.NotWholeError as exc:
        found.wrong.append(Wrong(path, f"{exc}: copy it again", fault=True))
        return None
    if program.machine is not architecture:
        made_for = program.machine.value if isinstance(program.machine, Architecture) else program.machine
        what = f"is for {made_for}, not for {architecture.value}: copy it again"
        found.wrong.append(Wrong(path, what, fault=True))
        return None
    found.signers[path] = tuple(map(pe.signer, program.signatures))
    if trusted := pe.trusted_by(data, program):
        found.trusted[path] = tuple(dict.fromkeys(trusted))
    elif path.rpartition("/")[2].lower() in _seconds(architecture) and _NETWORK not in data:
        return None
    return program


def _unproven(found: TreeInspection, kernel: str, made_for: frozenset[Architecture]) -> Iterator[Wrong]:
    """What Secure Boot refuses of a tree's own loaders, and of its kernel behind them."""
    for architecture, files in found.boot.loaders.items():
        first, second = (next(one for one in found.signers if path.endswith(f"/{one}"))
                         for path in (files.first, files.second))  # fmt: skip
        if not found.signers[first]:
            yield Wrong(first, "is not signed: Secure Boot refuses it", fault=False)
            continue
        behind = [second, *([kernel] if architecture in made_for and kernel in found.signers else [])]
        for path in behind:
            if what := _refused(found.signers[path], found.trusted.get(first, ()), first):
                yield Wrong(path, what, fault=False)


def unproven_kernel(found: TreeInspection, kernel: str, trusted: Iterable[str]) -> str:
    """What is to be said of a tree's kernel behind the image's shim, which brings these certificates; empty:
    nothing."""
    if kernel not in found.signers:
        return ""
    what = _refused(found.signers[kernel], tuple(dict.fromkeys(trusted)), "the image's shim")
    return f"{what}; copy the distribution's shim and network GRUB into the tree" if what else ""


def _refused(signers: tuple[str, ...], trusted: tuple[str, ...], shim: str) -> str:
    """Names alone are compared, and only where both are known: a shim without names is no fault."""
    if not signers:
        return f"is not signed: under Secure Boot {shim} refuses it"
    if trusted and not set(signers) & set(trusted):
        names, lets = " and ".join(signers), " and ".join(trusted)
        return f"is signed by {names}; under Secure Boot {shim} lets only {lets} pass"
    return ""


def image_loaders(names: Mapping[str, list[str]]) -> dict[Architecture, LoaderFiles]:
    """Those of the image's folder of boot loaders; names: of the files in each of its folders."""
    found = {}
    for architecture, (short, _) in _WORDS.items():
        folder = architecture.value
        have = set(names.get(folder, ()))
        if {f"shim{short}.efi", f"grub{short}.efi"} <= have:
            others = {one: f"loaders/{folder}/{one}" for one in _others(architecture) if one in have}
            found[architecture] = LoaderFiles(
                f"loaders/{folder}/shim{short}.efi", f"loaders/{folder}/grub{short}.efi",
                f"grub{short}.efi", others,
            )  # fmt: skip
    return found

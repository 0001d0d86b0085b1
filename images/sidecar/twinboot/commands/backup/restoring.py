"""`twinboot restore`: a backup's contents in their places, on a server that does not run.

All that can be wrong with the file, and all that is in its way, is looked at before anything is written. The
records of machines come first: a server that is started after an interrupted restore installs nobody.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from twinboot import kept
from twinboot.adapters.machine_store import MachineStore
from twinboot.bundle import sealed
from twinboot.bundle.parts import Bundle, BundleError, Part, unpack
from twinboot.errors import ResourceError
from twinboot.kept import KeptFile, Volume
from twinboot.machines import facts
from twinboot.machines.facts import Facts
from twinboot.machines.record import Record, decode, encode
from twinboot.machines.restored import after_restore

from ..options import argument, fail, option
from . import collecting, placing, settings
from .collecting import BackupPaths, Text
from .making import read_passphrase

_MAX_NAMED = 50
_FOLDERS = tuple(one for one in kept.TABLE if one.part and one.name.endswith("/"))
_AS_THEY_ARE = tuple(one for one in kept.TABLE if one.part and one not in (kept.MACHINES, *_FOLDERS))
"""Files of the volumes, in the order of the table: the site in use is the last."""


class InTheWayError(Exception):
    """What stands on this server; it is not replaced without --replace."""


@dataclass(frozen=True, slots=True)
class Restored:
    """machines: how many records. waiting: hosts that offer no install before somebody says so."""

    machines: int
    waiting: tuple[str, ...]
    kept: tuple[str, ...]


def restore(
    file: Annotated[Path, argument(help="A file that `twinboot backup` has made.")],
    shown: Annotated[str, option("--shown", help="The file as the caller knows it.")] = "",
    replace: Annotated[
        bool, option("--replace", help="Also where this server has a site or states of its own: kept beside.")
    ] = False,
    keep_orders: Annotated[
        bool, option("--keep-orders", help="Machines that were to be installed then are INSTALLED: ERASED.")
    ] = False,
    passphrase_stdin: Annotated[
        bool, option("--passphrase-stdin", help="The passphrase is the first line of standard input.")
    ] = False,
) -> None:
    """Put a backup's contents in their places, on a server that does not run; `make up` starts it then.

    scripts/twinboot restore FILE [--passphrase-file FILE]. The trees come from the other servers, or are
    imported again. Machines that were to be installed when the backup was made start from their disks until
    you say otherwise.
    """
    name = shown or str(file)
    passphrase = read_passphrase(passphrase_stdin)
    try:
        data = file.read_bytes()
        told = sealed.told_of(data)
        bundle = unpack(sealed.unseal(data, passphrase))
        print(f"backup of {told.get('server')}, made {told.get('made')} by release {told.get('release')}")
        done = carried_out(bundle, BackupPaths(), replace=replace, keep_orders=keep_orders)
    except BundleError as exc:
        fail(f"{name} {exc}; nothing was changed", 2)
    except sealed.PassphraseError as exc:
        fail(f"{name}: {exc}; nothing was changed", 2)
    except InTheWayError as exc:
        fail(f"restore: {exc}; nothing was changed. --replace takes the backup's, and keeps these beside", 2)
    except (OSError, ResourceError) as exc:
        fail(f"restore: {exc}; type the same again with --replace when that is mended")
    for line in told_lines(bundle, done):
        print(line)


def carried_out(bundle: Bundle, place: BackupPaths, *, replace: bool, keep_orders: bool) -> Restored:
    """BundleError, InTheWayError: nothing was changed. OSError, ResourceError: a part of it was."""
    parts = bundle.parts
    try:
        records = {name: decode(data) for name, data in
                   collecting.machines_of(_data(parts, collecting.MACHINES)).items()}
    except ValueError as exc:
        raise BundleError(f"has machines' states that this release cannot read: {exc}") from exc
    try:
        texts = {one: collecting.texts_of(_data(parts, one.part)) for one in _FOLDERS}
    except (ValueError, TypeError) as exc:
        raise BundleError(f"has files that this release cannot read: {exc}") from exc
    waiting: tuple[str, ...] = ()
    if not keep_orders:
        records, waiting = after_restore(records, _hosts(parts))
    config = {name.removeprefix(collecting.CONFIG): part for name, part in parts.items()
              if name.startswith(collecting.CONFIG)}
    old = _in_the_way(place, config, str(bundle.metadata.get("server", "")))
    if old.all and not replace:
        raise InTheWayError("; ".join(old.words))
    stamp = collecting.KEPT + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    _write_machines(place.state, records, place.state / stamp)
    aside = old.put_aside(place, stamp)
    for folder, found in texts.items():
        _write_texts(place.kept(folder), found, folder.mode)
    for one in _AS_THEY_ARE[:-1]:
        _write_part(place, one, parts)
    write_config(place.config, config)
    _write_part(place, _AS_THEY_ARE[-1], parts)
    _write_settings(place.settings, _data(parts, collecting.SETTINGS).decode(errors="replace"))
    return Restored(len(records), waiting, aside)


def told_lines(bundle: Bundle, done: Restored) -> list[str]:
    """What is printed in the end."""
    secrets = sum(name.startswith(f"{collecting.CONFIG}{collecting.SECRETS}/") for name in bundle.parts)
    lines = [f"restored: site {bundle.metadata.get('site')}, {secrets} files of secrets, "
             f"{done.machines} machines' states and their logs, leases, history, the audit log"]
    if done.waiting:
        more = len(done.waiting) - _MAX_NAMED
        lines += [
            f"{len(done.waiting)} machines were to be installed when the backup was made, and may have been "
            "since. They start from their disks until you say `scripts/twinboot install HOST`, or a server "
            "that was there all along tells more:",
            "  " + ", ".join(done.waiting[:_MAX_NAMED])
            + (f" and {more} more: scripts/twinboot machines --state restored" if more > 0 else ""),
        ]  # fmt: skip
    lines += [f"kept: {one}" for one in done.kept]
    return [*lines, "now type: make up"]


@dataclass(frozen=True, slots=True)
class _Old:
    """Names of files that stand where the backup's are to be."""

    config: list[str]
    state: list[str]
    leases: list[str]
    words: list[str]

    @property
    def all(self) -> list[str]:
        return [*self.config, *self.state, *self.leases, *self.words]

    def put_aside(self, place: BackupPaths, stamp: str) -> tuple[str, ...]:
        kept = []
        for folder, names, aside, words in (
            (place.config, self.config, place.config / collecting.SECRETS / stamp,
             f"config/{collecting.SECRETS}/{stamp}"),
            (place.state, self.state, place.state / stamp, f"{stamp} in the volume state"),
            (place.leases, self.leases, place.leases / stamp, f"{stamp} in the volume leases"),
        ):
            placing.put_aside(folder, names, aside)
            if aside.is_dir():
                kept.append(words)
        return tuple(kept)


def _in_the_way(place: BackupPaths, config: Mapping[str, Part], server: str) -> _Old:
    files = placing.differing(place.config, {name: part.data for name, part in config.items()})
    state = [one.name for one in (*_AS_THEY_ARE, *_FOLDERS)
             if one.volume is Volume.STATE and place.kept(one).exists()]
    machines = place.kept(kept.MACHINES).exists()
    leases = sorted(file.name for file in place.leases.iterdir() if file.is_file() and file.stat().st_size)
    words = [f"config/{name} is another one than the backup's" for name in files[:5]]
    if state or machines:
        words.append("this server has a site in use, machines' states or logs (volume state)")
    if leases:
        words.append("this server has leases of its own (volume leases)")
    mine = settings.read(_text(place.settings)).get(settings.NAME, "")
    if mine and server and mine != server:
        words.append(f"compose/.env says that this is {mine}, and the backup is of {server}")
    return _Old(files, state, leases, words)


def _hosts(parts: Mapping[str, Part]) -> dict[str, Facts]:
    """The hosts of the site that was in use."""
    from twinboot.planning.plan import SitePlan
    from twinboot.render.machine_facts import machine_facts
    from twinboot.rollout.record import decode_record
    from twinboot.site import SiteError, loads

    try:
        if collecting.RECORD in parts:
            text = decode_record(parts[collecting.RECORD].data).committed.text
        else:
            text = _data(parts, collecting.SITE).decode()
        site = loads(text, json_text=text.lstrip().startswith("{"))
        return facts.decode(machine_facts(SitePlan(site)))
    except SiteError as exc:
        raise BundleError(f"has a site that this release cannot read: {exc.faults[0]}") from exc
    except ValueError as exc:
        raise BundleError(f"has no site that can be read: {exc}") from exc


def _write_machines(state: Path, records: Mapping[str, Record], aside: Path) -> None:
    """There is one of the two at any moment: a server without records would install all its hosts."""
    made = state / f"{kept.MACHINES.name}.new"
    made.unlink(missing_ok=True)
    store = MachineStore(made)
    store.write({name: encode(record) for name, record in records.items()})
    store.close()
    old = state / kept.MACHINES.name
    if old.exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        former = MachineStore(old)
        with contextlib.suppress(ResourceError):
            former.read()
        former.close()  # by which SQLite takes its log (-wal) into the file
        os.link(old, aside / kept.MACHINES.name)
        placing.put_aside(state, [f"{old.name}-wal", f"{old.name}-shm"], aside)
    os.replace(made, old)
    placing.sync_folder(state)


def _write_part(place: BackupPaths, one: KeptFile, parts: Mapping[str, Part]) -> None:
    if one.part in parts:
        placing.write(place.kept(one), parts[one.part].data, one.mode)


def _write_texts(folder: Path, texts: Iterable[Text], mode: int) -> None:
    """As the sidecar makes them: for root alone, and the one that was written first the oldest."""
    for one in texts:
        folder.mkdir(mode=0o700, exist_ok=True)
        placing.write(folder / one.name, one.text.encode("latin-1"), mode)
        os.utime(folder / one.name, (one.at, one.at))


def write_config(config: Path, parts: Mapping[str, Part]) -> None:
    """Secrets are root's; the rest belongs to whom the folder belongs."""
    folder = config.stat()
    for name, part in parts.items():
        secret = name.startswith(f"{collecting.SECRETS}/")
        owner = (0, 0) if secret else (folder.st_uid, folder.st_gid)
        mode = part.mode & 0o700 if secret else part.mode
        placing.write(config / name, part.data, mode, owner if os.geteuid() == 0 else None)


def _write_settings(file: Path, backed_up: str) -> None:
    text = _text(file)
    if not file.exists() or settings.read(text).get(settings.NAME):
        return  # it says already what this server is
    placing.write(file, settings.with_values(text, settings.of_a_backup(backed_up)).encode(), 0o644)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _data(parts: Mapping[str, Part], name: str) -> bytes:
    return parts[name].data if name in parts else b""

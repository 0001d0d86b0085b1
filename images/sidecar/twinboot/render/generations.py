"""Puts rendered files beside the old ones and switches in one step.

Owns generations: `<dir>/g-<digest>/...` and the symlink `<dir>/current`. A daemon that reads through
`current` sees the old files or the new ones, never half of each. Whatever fails on the way (a full disk, a
crash) leaves `current` as it was. What the files say is `render`'s.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from ..kinds import INSTALLERS
from ..planning.plan import SitePlan
from ..site.faults import MISSING, Fault, SiteError
from ..site.loading.load import load
from ..site.model.site import Site
from .boot_files import boot_facts, source
from .certificate import certificate_for
from .files import Rendered, render
from .own_answers import PRIVATE, READERS_GID
from .secret_checks import password_files
from .steering import STEER, Link, with_links
from .templates import template_dirs

CURRENT = "current"
_KEEP_GENERATIONS = 3
_FSYNC_EACH_MAX = 256
_YEAR_2000 = 946_684_800
_YEARS_25 = 25 * 365 * 86_400


Files: TypeAlias = Mapping[str, str | bytes | Link]
"""Content by relative path."""


def write(
    rendered: Rendered, etc_dir: str | Path, pub_dir: str | Path, copies: Mapping[str, bytes] | None = None
) -> list[str]:
    """Writes a generation and switches to it: first what clients fetch, then the daemons' own files. copies:
    what read_copies() has read.

    Returns the services whose configuration changed and which must be restarted for it, sorted. Files of
    `pub` are read anew for every request, so they name no service.
    """
    etc, pub = Path(etc_dir), Path(pub_dir)
    with _locked(etc):
        changed = _changed(read_current(etc), rendered.etc)
        published = with_links({**rendered.pub, **(copies or {})}, rendered.steered)
        private: dict[str, str | bytes | Link] = {**rendered.etc}
        (pub / STEER).mkdir(parents=True, exist_ok=True)
        made = [(root, _generation(root, files)) for root, files in ((pub, published), (etc, private))]
        for root, generation in made:
            _switch(root, generation)
        for root, _ in made:
            _clean(root)
    return changed


def apply(
    config_dir: str | Path, server: str, etc_dir: str | Path, pub_dir: str | Path, trees_dir: str | Path,
    *, site: Site | None = None, number: int = 0,
) -> list[str]:
    """Renders `site`, or `config_dir`/site.yaml, for `server` and writes it: what the render service does."""
    site = site if site is not None else load(Path(config_dir) / "site.yaml")
    rendered = rendered_for(site, server, config_dir, etc_dir, trees_dir, number=number)
    return write(rendered, etc_dir, pub_dir, read_copies(rendered, trees_dir))


def read_copies(rendered: Rendered, trees_dir: str | Path) -> dict[str, bytes]:
    """The content of the files that are published from elsewhere. SiteError when one cannot be read."""
    found = {}
    for path, name in rendered.copies.items():
        try:
            found[path] = source(name, Path(trees_dir)).read_bytes()
        except OSError as exc:
            raise SiteError([Fault(name, MISSING, f"cannot be read: {exc.strerror}; copy it again")]) from exc
    return found


def rendered_for(
    site: Site, server: str, config_dir: str | Path, etc_dir: str | Path, trees_dir: str | Path,
    *, number: int = 0,
) -> Rendered:
    """What apply() would write."""
    return render(site, server, number=number, **_from_disk(site, Path(config_dir), etc_dir, trees_dir))


def planned(
    site: Site, config_dir: str | Path, etc_dir: str | Path, trees_dir: str | Path
) -> tuple[SitePlan, Rendered]:
    """The decisions for a site and the files of one of its servers, by one look at the disk."""
    found = _from_disk(site, Path(config_dir), etc_dir, trees_dir)
    plan = SitePlan(site, found["repositories"], found["boot"])
    return plan, render(site, next(iter(site.servers)), **found)


def _from_disk(site: Site, config: Path, etc_dir: str | Path, trees_dir: str | Path) -> dict[str, Any]:
    """What render() must be told of the disk."""
    return {
        "templates": template_dirs(config),
        "previous": read_zones(etc_dir),
        "secrets": read_secrets(site, config),
        "repositories": repositories_of(site, trees_dir),
        "boot": boot_facts(site, trees_dir),
        "https": certificate_for(site, config),
    }


def repositories_of(site: Site, trees_dir: str | Path) -> dict[str, tuple[str, ...]]:
    """Package repositories by tree of the site, as the installer of a profile that uses the tree reads it."""
    users = {profile.tree: profile.installer for profile in site.profiles.values()}
    return {
        name: INSTALLERS.get(users[name]).repositories(tree, Path(trees_dir))
        for name, tree in site.trees.items()
        if name in users
    }


def read_current(directory: str | Path) -> dict[str, str]:
    """The files of the current generation by relative path; none when there is none."""
    root = Path(directory) / CURRENT
    paths = sorted(path for path in root.rglob("*") if path.is_file()) if root.is_dir() else []
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8", errors="replace") for path in paths}


def read_zones(etc_dir: str | Path) -> dict[str, str]:
    """Zone files of the current generation, from which serials go on."""
    return {path: text for path, text in read_current(etc_dir).items() if path.endswith(".zone")}


def read_secrets(site: Site, config_dir: str | Path) -> dict[str, str]:
    """Contents of the files that profiles name. Those that are not there are left out; render names them."""
    found = {}
    for name in sorted({file for profile in site.profiles.values() for _, file in password_files(profile)}):
        path = Path(config_dir) / name
        if path.is_file():
            try:
                found[name] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as exc:
                raise SiteError([Fault(str(path), str(exc), "cannot be read")]) from exc
    return found


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One writer at a time."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    paths = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    return sorted({path.partition("/")[0] for path in paths})


def _bytes(content: str | bytes | Link) -> bytes:
    """The bytes of a file; those of a link are what no file is likely to hold."""
    if isinstance(content, Link):
        return f"\0link {content.target}".encode()
    return content.encode() if isinstance(content, str) else content


def _digest(files: Files) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        data = _bytes(files[path])
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def _holds(directory: Path, files: Files) -> bool:
    """Are these, and no others, the files of the directory?"""
    paths = {
        str(path.relative_to(directory)) for path in directory.rglob("*")
        if path.is_symlink() or path.is_file()
    }  # fmt: skip
    return paths == files.keys() and all(
        _found(directory / name) == _bytes(content) for name, content in files.items()
    )


def _found(path: Path) -> bytes:
    """The bytes of a file on the disk, as _bytes() has them."""
    return _bytes(Link(os.readlink(path))) if path.is_symlink() else path.read_bytes()


def _generation(root: Path, files: Files) -> Path:
    """A directory that holds exactly these files, whole and on the disk."""
    root.mkdir(parents=True, exist_ok=True)
    name = f"g-{_digest(files)}"
    current = root / CURRENT
    if current.is_symlink() and os.readlink(current).startswith(name) and _holds(current, files):
        return root / os.readlink(current)
    fresh = root / f".new-{name}"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        _fill(fresh, files)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    final = root / name
    number = 0
    while final.exists():  # an old one of the same digest; it may be damaged, so it is not used again
        number += 1
        final = root / f"{name}-{number}"
    fresh.rename(final)
    return final


def _fill(directory: Path, files: Files) -> None:
    """Writes files that everyone may read, whatever the umask is; returns when the disk has them."""
    directory.mkdir()
    directory.chmod(0o755)
    made = {directory}
    few = len(files) <= _FSYNC_EACH_MAX
    for name, content in files.items():
        path, data = directory / name, _bytes(content)
        for parent in reversed(path.relative_to(directory).parents):
            folder = directory / parent
            if folder not in made:
                folder.mkdir()
                folder.chmod(0o755)
                made.add(folder)
        if isinstance(content, Link):
            path.symlink_to(content.target)
            continue
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.utime(file.fileno(), (_time_of(data),) * 2)
            if few:
                os.fsync(file.fileno())
    for folder in (directory / PRIVATE, directory / "httpd" / PRIVATE):
        _close_to_others(folder)
    if not few:
        os.sync()  # one for all: thousands of single ones would take minutes


def _close_to_others(folder: Path) -> None:
    """Only the HTTP service may look into it. Tests that are not root's leave it as it is."""
    if folder.is_dir() and os.geteuid() == 0:
        os.chown(folder, 0, READERS_GID)
        folder.chmod(0o750)


def _time_of(data: bytes) -> int:
    """A modification time that follows from the content, between 2000 and 2025.

    Last-Modified and ETag come from time and size: so equal files have equal ones on every server, and a
    download that one server began is gone on with by another (RFC 9110 section 13.1.5).
    """
    return _YEAR_2000 + int.from_bytes(hashlib.sha256(data).digest()[:8], "big") % _YEARS_25


def _switch(root: Path, generation: Path) -> None:
    """Points `current` at a generation. rename(2) replaces the old link in one step."""
    link = root / ".current-new"
    link.unlink(missing_ok=True)
    link.symlink_to(generation.name)
    link.rename(root / CURRENT)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    os.utime(generation)


def _clean(root: Path) -> None:
    """Removes leavings of a crash and all but the latest generations."""
    current = os.readlink(root / CURRENT)
    for path in root.glob(".new-*"):
        shutil.rmtree(path, ignore_errors=True)
    old = [path for path in root.glob("g-*") if path.name != current]
    old.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in old[_KEEP_GENERATIONS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)

"""Registries of kinds: what comes in several kinds is a registered value in a folder of its own.

Owns the look-up by name. The folders of a registry's package are imported when one of its kinds is first
asked for, and each registers itself: a new kind is a new folder. The site's checks ask by name what a kind
knows, so this module stands below the site, and knows the kinds' types by their names alone.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from .dhcp.base import DhcpEngine
    from .installers.base import Installer
    from .installers.media import MediaKind
    from .loaders.base import BootLoader
    from .power.logic.kind import PowerKind


class Kind(Protocol):
    """What every kind has."""

    @property
    def name(self) -> str:
        """As an operator writes it in the site file."""
        ...


K = TypeVar("K", bound=Kind)


class UnknownKindError(LookupError):
    """No kind of this name; the text says which there are."""


class Registry(Generic[K]):
    """Kinds of one thing by name. package: its folders hold one kind each."""

    def __init__(self, what: str, package: str) -> None:
        self.what = what
        self._package = package
        self._kinds: dict[str, K] = {}
        self._loaded = False

    def register(self, kind: K) -> K:
        """Make a kind known. ValueError when the name is taken."""
        if kind.name in self._kinds:
            raise ValueError(f"{self.what} {kind.name!r} is registered already")
        self._kinds[kind.name] = kind
        return kind

    @contextmanager
    def registered(self, kind: K) -> Iterator[K]:
        """The kind is known during the block: for tests, and for kinds from outside."""
        self._load()
        self.register(kind)
        try:
            yield kind
        finally:
            del self._kinds[kind.name]

    def get(self, name: str) -> K:
        """The kind of this name; UnknownKindError when there is none."""
        self._load()
        try:
            return self._kinds[name]
        except KeyError:
            known = ", ".join(self._kinds)
            raise UnknownKindError(f"no {self.what} {name!r}; there are: {known}") from None

    def all(self) -> tuple[K, ...]:
        """Every kind, in the order of the names of their folders; those from outside last."""
        self._load()
        return tuple(self._kinds.values())

    def names(self) -> tuple[str, ...]:
        """Their names, in the same order."""
        return tuple(kind.name for kind in self.all())

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True  # before the imports: a kind may ask for others
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(package.__path__):
            if found.ispkg:
                importlib.import_module(f"{self._package}.{found.name}")
        # whichever of them was imported first, by itself or by another one
        self._kinds = {name: self._kinds[name] for name in sorted(self._kinds)}


INSTALLERS: Registry[Installer] = Registry("installer", "twinboot.installers")
"""What reads the answers of a profile: `installer:` of a profile names one."""
MEDIA: Registry[MediaKind] = Registry("installer", "twinboot.installers")
"""What recognises the media of an installer kind; by the name of that kind."""
LOADERS: Registry[BootLoader] = Registry("boot loader", "twinboot.loaders")
"""What firmware loads, and what then loads kernel and initrd."""
DHCP_ENGINES: Registry[DhcpEngine] = Registry("DHCP engine", "twinboot.dhcp")
"""What gives addresses to machines and tells them their boot loader: dhcp.engine_of() chooses."""
POWER: Registry[PowerKind] = Registry("way to a BMC", "twinboot.power.kinds")
"""What switches machines on and off: `kind:` of a `power` names one."""

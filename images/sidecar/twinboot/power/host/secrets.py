"""Passwords: files below config/secrets/power, which this process alone can read beside root."""

from __future__ import annotations

from pathlib import Path

from ..logic.kind import PowerFailed, Reason

_MOST_BYTES = 4096


def password(config: Path, name: str) -> str:
    """The first line of a file. PowerFailed says what is wrong with it."""
    folder, path = config / "secrets/power", config / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise PowerFailed(Reason.SECRET, f"config/{name} leads out of config/secrets/power")
        with path.open(encoding="utf-8") as file:
            found = file.read(_MOST_BYTES).splitlines()[:1]
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is no text"
        raise PowerFailed(Reason.SECRET, f"config/{name} cannot be read: {why}; "
                          "`scripts/twinboot check` says more") from exc  # fmt: skip
    if not found or not found[0]:
        raise PowerFailed(Reason.SECRET, f"config/{name} holds no password in its first line")
    return found[0]

"""Puts rendered files beside the old ones and switches in one step."""

from __future__ import annotations

from pathlib import Path

from .render import Rendered


def write(rendered: Rendered, etc_dir: Path, pub_dir: Path) -> list[str]:
    """Writes a generation and switches to it; returns the services whose configuration changed."""
    raise NotImplementedError


def apply(config_dir: Path, server: str, etc_dir: Path, pub_dir: Path) -> list[str]:
    """Loads `config_dir`/site.yaml, renders it for `server` and writes it: what the render service does."""
    raise NotImplementedError

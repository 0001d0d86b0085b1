"""Options that several commands have, and their end by a fault."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn


def option(*names: str, help: str, **more: Any) -> Any:
    import typer

    return typer.Option(*names, help=help, show_default=False, show_envvar=False, **more)


def argument(*, help: str) -> Any:
    import typer

    return typer.Argument(help=help, show_default=False)


def server_option() -> Any:
    return option("--server", envvar="TWINBOOT_SERVER", help="This server's name ($TWINBOOT_SERVER).")


def located(name: str, what: str, default: Path) -> Any:
    return option(name, help=f"{what} ({default}).")


def fail(text: str, code: int = 1) -> NoReturn:
    print(f"twinboot: {text}", file=sys.stderr)
    sys.exit(code)

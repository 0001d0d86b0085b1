"""Python sources as the tests of the house read them: each read, parsed and walked once."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


@cache
def text_of(path: Path) -> str:
    return path.read_text()


@cache
def nodes_in(text: str) -> tuple[ast.AST, ...]:
    """All nodes of this source, the module first."""
    return tuple(ast.walk(ast.parse(text)))

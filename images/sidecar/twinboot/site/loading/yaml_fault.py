"""YAML syntax errors, translated into a cause and a remedy.

Owns the translation of the parser's messages; reading itself is `load`.
"""

from __future__ import annotations

from typing import Any

import yaml

from ..faults import Fault


def yaml_fault(text: str, exc: yaml.MarkedYAMLError) -> Fault:
    """The fault of a text that the parser refused."""
    lines = text.splitlines()
    problem, context = str(exc.problem or ""), str(exc.context or "")
    opened = exc.context_mark
    if "quoted scalar" in context and opened is not None:
        return _at(opened, lines, "the quote that begins here is not closed")
    if "flow" in context and opened is not None and "expected" in problem:
        bracket = lines[opened.line][opened.column:opened.column + 1] if opened.line < len(lines) else ""
        return _at(opened, lines, f"the {bracket or 'bracket'} that begins here is not closed")
    mark = exc.problem_mark or opened
    if mark is None:
        return Fault("file", text[:40], f"not YAML: {problem or context}")
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "tab character" in problem or ("\t" in line[: mark.column + 1] and "start any token" in problem):
        return _at(mark, lines, "a tab; write spaces, YAML takes no tabs there")
    if "start any token" in problem:
        sign = line[mark.column:mark.column + 1]
        quote = _open_quote(lines, mark.line)
        if quote is not None:
            return Fault(f"line {quote + 1}", lines[quote].strip(), "a quote of this line is not closed")
        return _at(mark, lines, f"a text cannot begin with {sign!r}; write it in quotes")
    if "another document" in problem:
        return _at(mark, lines, "a second document begins here; the site is one document, remove this line")
    if "mapping values are not allowed" in problem:
        return _at(mark, lines, "a colon where none can be; is a space missing after the colon of the line "
                   "before, or is a line indented otherwise than its neighbours?")
    if "did not find expected key" in problem:
        return _at(mark, lines, "no key where one must be; is this line, or one just above, indented "
                   "otherwise than its neighbours, or is a quote not closed?")
    return _at(mark, lines, f"not YAML: {problem or context}")


def _at(mark: Any, lines: list[str], remedy: str) -> Fault:
    shown = lines[mark.line].strip() if mark.line < len(lines) else ""
    return Fault(f"line {mark.line + 1}, column {mark.column + 1}", shown, remedy)


def _open_quote(lines: list[str], before: int) -> int | None:
    """The last line up to here with an odd number of quotes; comments may hold single ones."""
    for number in range(before, -1, -1):
        text = lines[number].split(" #")[0]
        if not text.lstrip().startswith("#") and text.count('"') % 2:
            return number
    return None


"""XML as AutoYaST has it, made of values and read from an operator's text.

Owns the form: what a value is stands in config:type (boolean, integer, symbol, list); maps and texts need
none. Sources: AutoYaST's common.rnc, yast2-xml.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from xml.parsers import expat
from xml.sax.saxutils import escape

from pydantic import JsonValue

from ..alike import Alike

PROFILE = "http://www.suse.com/1.0/yast2ns"
CONFIG = "http://www.suse.com/1.0/configns"
TYPE = "config:type"
_WRAPPED = f'<profile xmlns="{PROFILE}" xmlns:config="{CONFIG}">\n'
_ITEMS = {
    "add_on_products": "listentry", "add_on_others": "listentry", "chroot-scripts": "script",
    "disable": "service", "enable": "service", "files": "file", "groups": "group", "hosts": "hosts_entry",
    "init-scripts": "script", "interfaces": "interface", "names": "name", "nameservers": "nameserver",
    "net-udev": "rule", "ntp_servers": "ntp_server", "on_demand": "service", "packages": "package",
    "partitioning": "drive", "partitions": "partition", "patterns": "pattern", "ports": "port",
    "post-packages": "package", "post-patterns": "pattern", "post-scripts": "script",
    "postpartitioning-scripts": "script", "pre-scripts": "script", "products": "product",
    "protocols": "protocol", "remove-packages": "package", "remove-patterns": "pattern",
    "remove-products": "product", "routes": "route", "searchlist": "search", "services": "service",
    "subvolumes": "subvolume", "users": "user", "zones": "zone",
}  # fmt: skip
"""What the elements of a list are called, by the list's name; `listentry` is for all others."""
_FLAT = frozenset({"partitioning"})
"""Lists whose items stand in one line each: a script leaves out the drive of a disk that there is not."""
_SYMBOLS = frozenset({"crypt_method", "crypt_pbkdf", "filesystem", "imsmdriver", "mountby"})


class MalformedError(ValueError):
    """The text is no XML; line and column, from 1."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"no XML: {reason} at line {line}, column {column}")


def written(name: str, value: JsonValue, indent: str = "", *, one_line: bool = False) -> str:
    """The element of a value as text, without a line's end; a value that is None is empty. one_line: all of
    it in one."""
    kind, text = _kind_and_text(name, value)
    begin = f'{indent}<{name} {TYPE}="{kind}">' if kind else f"{indent}<{name}>"
    if isinstance(value, dict):
        below = [(key, one) for key, one in value.items()]
    elif isinstance(value, list):
        item = _ITEMS.get(name, "listentry")
        below = [(item, one) for one in value]
    else:
        return f"{begin}{text}</{name}>"
    if one_line or not below:
        inside = "".join(written(key, one, one_line=True) for key, one in below)
        return f"{begin}{inside}</{name}>"
    flat = name in _FLAT
    lines = [written(key, one, f"{indent}  ", one_line=flat) for key, one in below]
    return "\n".join((begin, *lines, f"{indent}</{name}>"))


def section(name: str, value: JsonValue) -> str:
    """written() of a section of a profile: most are the same for many hosts, and written once."""
    return _sections(name, value)


_sections = Alike(lambda name, value: written(name, value))  # type: ignore[arg-type]


def _kind_and_text(name: str, value: JsonValue) -> tuple[str, str]:
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "integer", str(value)
    if isinstance(value, list):
        return "list", ""
    if not isinstance(value, str):
        return "", ""
    symbol = name in _SYMBOLS or (name == "type" and value.startswith("CT_"))
    return "symbol" if symbol else "", escape(value)


def element_text(one: ET.Element) -> str:
    """Text of an operator's element; indented lines without one at the end."""
    ET.indent(one, "  ")
    return ET.tostring(one, encoding="unicode").rstrip()


def comment(text: str) -> str:
    """As a comment may hold it (XML 1.0, 2.5): no two hyphens beside each other."""
    while "--" in text:
        text = text.replace("--", "- -")
    return text.removesuffix("-")


def sections_in(text: str) -> dict[str, ET.Element]:
    """The elements of an operator's text by name, which may stand in a profile of its own or not. Raises
    MalformedError."""
    whole = "<profile" in text
    root = _parsed(text if whole else f"{_WRAPPED}{text}\n</profile>", 0 if whole else 1)
    return {one.tag: one for one in root}


def profile_of(text: str) -> ET.Element:
    """A whole profile, names without the namespace of profiles. Raises MalformedError."""
    return _parsed(text, 0)


def _parsed(text: str, before: int) -> ET.Element:
    """before: lines of it that are not the operator's."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as exc:
        line, column = exc.position
        raise MalformedError(expat.ErrorString(exc.code), max(1, line - before), column + 1) from exc
    for one in root.iter():
        one.tag = one.tag.removeprefix(f"{{{PROFILE}}}")
        one.attrib = {_prefixed(key): value for key, value in one.attrib.items()}
    return root


def _prefixed(name: str) -> str:
    return f"config:{name.removeprefix(f'{{{CONFIG}}}')}" if name.startswith(f"{{{CONFIG}}}") else name


def element(name: str, value: JsonValue) -> ET.Element:
    """The element of a value."""
    wrapped = f'<profile xmlns:config="{CONFIG}">{written(name, value)}</profile>'
    return _parsed(wrapped, 0)[0]


def texts_at(root: ET.Element, path: str) -> Iterator[str]:
    """Texts of the elements at a path below the root, without blanks around them."""
    for one in root.iterfind(path):
        yield (one.text or "").strip()

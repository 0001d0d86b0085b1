"""A table of machines as CSV or JSON, read and written; every fault with its line.

CSV as RFC 4180 has it, and as spreadsheets write it: with semicolons or tabs, a byte order mark, or UTF-16.
Several values of one cell are parted by spaces. What a cell means is merging's.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MAX_BYTES = 32 << 20
MAX_ROWS = 40_000
COLUMNS = (
    "name", "mac", "uuid", "client_id", "address", "addresses", "profile", "group", "kernel_args", "static",
)
LISTS = frozenset(("mac", "client_id", "addresses", "kernel_args"))
_ALSO = {"macs": "mac", "host": "name", "hostname": "name", "ip": "address"}
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")
_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Row:
    """place: where it stands, such as `line 3`. fields: what it says in the site file's words. cleared: what
    it says to be none."""

    place: str
    name: str
    fields: Mapping[str, object]
    cleared: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Read:
    """What a table of hosts says: its rows, and its faults, each with its line."""

    rows: tuple[Row, ...]
    faults: tuple[str, ...]


def read(data: bytes, *, as_json: bool | None = None) -> Read:
    """The rows and the faults of a table, JSON or CSV. as_json: None: as its first character tells."""
    if len(data) > MAX_BYTES:
        return Read((), (f"the file is larger than {MAX_BYTES >> 20} MiB",))
    encoding = next((name for mark, name in _BOMS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        line = data[:exc.start].count(b"\n") + 1
        what = f"byte 0x{data[exc.start]:02x} is no {encoding.upper()}"
        return Read((), (f"line {line}: {what}; save the file as UTF-8",))
    if "\0" in text:
        line = text[:text.index("\0")].count("\n") + 1
        return Read((), (f"line {line}: a character with the code 0; save the file as UTF-8 text",))
    if not text.strip():
        return Read((), ("the file is empty",))
    if as_json is None:
        as_json = text.lstrip()[0] in "[{"
    return _read_json(text) if as_json else _read_csv(text)


def shown(value: object) -> str:
    """A cell as a fault quotes it."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST - 3]}..."


def as_csv(hosts: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """hosts: name, and the entry as the site file has it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, entry in hosts:
        writer.writerow([name, *(_cell(entry.get(column)) for column in COLUMNS[1:])])
    return out.getvalue()


def as_json(hosts: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """All that their entries say."""
    return json.dumps([{"name": name, **entry} for name, entry in hosts], indent=1, ensure_ascii=False) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


# CSV ----------------------------------------------------------------------------------------------


def _read_csv(text: str) -> Read:
    skipped, delimiter = 0, ""
    if text[:4].lower() == "sep=":  # as Excel writes and wants it
        head, _, text = text.partition("\n")
        skipped, delimiter = 1, head.strip()[4:5]
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True,
                        delimiter=delimiter or max(",;\t", key=first.count))  # fmt: skip
    faults: list[str] = []
    rows: list[Row] = []
    header: list[str] | None = None
    for line, cells in _records(reader, skipped, faults):
        if header is None:
            header = [_column(cell) for cell in cells]
            faults += _header_faults(header, cells, line)
            if faults:
                break
        elif any(cell.strip() for cell in cells):
            _take(rows, faults, line, header, cells)
        if len(rows) > MAX_ROWS:
            faults.append(f"more than {MAX_ROWS:,} machines")
            break
    if header is not None and not rows and not faults:
        faults.append("it names no machine")
    return Read(tuple(rows), tuple(faults))


def _records(reader: Any, skipped: int, faults: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line."""
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            endless = any(word in str(exc) for word in ("end of data", "limit"))
            what = "a quotation mark that no other one ends" if endless else f"no CSV: {exc}"
            faults.append(f"line {line}: {what}; what follows was not read")
            return
        yield line, cells


def _column(cell: str) -> str:
    name = cell.strip().lower().replace(" ", "_")
    return _ALSO.get(name, name)


def _header_faults(header: list[str], cells: list[str], line: int) -> Iterator[str]:
    known = ", ".join(COLUMNS)
    if "name" not in header:
        yield f"line {line}: the first line names the columns, `name` among them; known: {known}"
        return
    for at, name in enumerate(header):
        if name not in COLUMNS:
            yield f"line {line}: no column {shown(cells[at])}; known: {known}"
        elif name in header[:at]:
            yield f"line {line}: the column {name} stands here twice"


def _take(rows: list[Row], faults: list[str], line: int, header: list[str], cells: list[str]) -> None:
    place = f"line {line}"
    if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header):]):
        cells = cells[:len(header)]
    if len(cells) != len(header):
        faults.append(f"{place}: {len(cells)} cells, and the first line names {len(header)} columns")
        return
    said = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    name = said.pop("name")
    if not name:
        faults.append(f"{place}: it has no name")
        return
    fields: dict[str, object] = {}
    for column, cell in said.items():
        if column == "static" and cell:
            if cell.lower() not in (*_TRUE, *_FALSE):
                faults.append(f"{place}: static: {shown(cell)}: write true or false")
            fields[column] = cell.lower() in _TRUE
        elif column in LISTS and cell:
            several = cell.split()
            fields[column] = several[0] if column == "mac" and len(several) == 1 else several
        elif cell:
            fields[column] = cell
    rows.append(Row(place, name, fields, frozenset(one for one, cell in said.items() if not cell)))


# JSON ---------------------------------------------------------------------------------------------


def _read_json(text: str) -> Read:
    doubles: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                doubles.append(f"the key {shown(key)} stands twice in one object")
            found[key] = value
        return found

    try:
        said = json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as exc:
        return Read((), (f"line {exc.lineno}, column {exc.colno}: no JSON: {exc.msg}",))
    except RecursionError:
        return Read((), ("no JSON that can be read: too deep",))
    if isinstance(said, dict) and set(said) == {"hosts"}:
        said = said["hosts"]
    if isinstance(said, dict):
        said = [{"name": name, **one} if isinstance(one, dict) else one for name, one in said.items()]
    if not isinstance(said, list):
        return Read((), ("write a list of objects with name, mac, address ..., or one of them by name",))
    faults, rows = doubles, []
    for number, one in enumerate(said[:MAX_ROWS], 1):
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name:
            faults.append(f"entry {number}: must be an object with a `name`")
            continue
        fields = {key: value for key, value in one.items() if key != "name" and value is not None}
        cleared = frozenset(key for key, value in one.items() if value is None)
        rows.append(Row(f"entry {number}", name, fields, cleared))
    if len(said) > MAX_ROWS:
        faults.append(f"more than {MAX_ROWS:,} machines")
    if not said:
        faults.append("it names no machine")
    return Read(tuple(rows), tuple(faults))

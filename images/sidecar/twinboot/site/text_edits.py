"""Edits of a YAML text at the places that its parser has told: collected, then carried out at once. Pure.

Owns places alone: where a value ends, where an entry is put in, which lines go with one that is taken out. A
form in which that cannot be told raises EditsImpossible: somebody else writes the file then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import yaml

Path = tuple[str, ...]
Pair = tuple[yaml.Node, yaml.Node]


class EditsImpossible(Exception):
    """Places do not tell enough."""


@dataclass
class Edits:
    """entry: the text of a new key with its value, for its neighbour (a value of the same mapping); value:
    that of a value on one line."""

    text: str
    root: yaml.MappingNode
    entry: Callable[[Path, object, yaml.Node | None], str]
    value: Callable[[object], str]
    _found: list[tuple[int, int, str]] = field(default_factory=list)
    _sections: dict[str, dict[str, object]] = field(default_factory=dict)
    _children: dict[int, dict[str, Pair]] = field(default_factory=dict)

    def put(self, path: Path, value: object) -> None:
        """Change the value of a key, or put the key in."""
        parent = self._node(path[:-1])
        if parent is None:
            if len(path) != 2:
                raise EditsImpossible
            self._sections.setdefault(path[0], {})[path[1]] = value
            return
        if isinstance(parent, yaml.MappingNode) and path[-1] in self._of(parent):
            self._replace(self._of(parent)[path[-1]][1], value)
        else:
            self._insert(parent, path, value)

    def drop(self, paths: Collection[Path]) -> None:
        """Take keys out."""
        by_parent: dict[Path, set[str]] = {}
        for path in paths:
            by_parent.setdefault(path[:-1], set()).add(path[-1])
        for above, names in by_parent.items():
            parent = self._node(above)
            if not isinstance(parent, yaml.MappingNode):
                raise EditsImpossible
            (self._drop_in_braces if parent.flow_style else self._drop_lines)(parent, names)

    def done(self) -> str:
        """The text with all of it."""
        for section, entries in self._sections.items():
            self._new_section(section, entries)
        parts, at = [], 0
        for start, end, new in sorted(self._found, key=lambda one: one[:2]):
            if start < at:
                raise EditsImpossible
            parts += [self.text[at:start], new]
            at = end
        done = "".join([*parts, self.text[at:]])
        return done.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in self.text else done

    # Places -------------------------------------------------------------------------------------

    def _of(self, node: yaml.MappingNode) -> Mapping[str, Pair]:
        if id(node) not in self._children:
            self._children[id(node)] = {str(pair[0].value): pair for pair in node.value}
        return self._children[id(node)]

    def _node(self, path: Path) -> yaml.Node | None:
        at: yaml.Node = self.root
        for key in path:
            if not isinstance(at, yaml.MappingNode) or key not in self._of(at):
                return None
            at = self._of(at)[key][1]
        return at

    def _end(self, node: yaml.Node) -> int:
        """Behind its last character: for the parser, a collection of lines ends where the next one begins."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
            last = node.value[-1]
            return self._end(last[1] if isinstance(last, tuple) else last)
        start, end = node.start_mark.index, node.end_mark.index
        return start + len(self.text[start:end].rstrip())

    def _line_end(self, at: int) -> int:
        """Where the line of this place ends, before its line break."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    # Edits --------------------------------------------------------------------------------------

    def _replace(self, node: yaml.Node, value: object) -> None:
        start, end = node.start_mark.index, self._end(node)
        new = self.value(value)
        self._found.append((start, end, new if end > start else f" {new}"))

    def _insert(self, parent: yaml.Node, path: Path, value: object) -> None:
        if isinstance(parent, yaml.ScalarNode) and parent.value in ("", "~", "null"):
            if len(path) != 2 or self.root.flow_style:
                raise EditsImpossible
            self._fill(parent, path, value)
            return
        if not isinstance(parent, yaml.MappingNode):
            raise EditsImpossible
        if not parent.value and len(path) == 2 and not self.root.flow_style:
            self._fill(parent, path, value)
        elif parent.flow_style:
            last = parent.value[-1][1] if parent.value else None
            at = parent.start_mark.index + 1 if last is None else self._end(last)
            first = last is None and not any(one[0] == at for one in self._found)
            one = f"{self.value(path[-1])}: {self.value(value)}"
            self._found.append((at, at, one if first else f", {one}"))
        else:
            key, last = parent.value[-1]
            self._lines(self._end(last), key.start_mark.column, self.entry(path, value, last))

    def _fill(self, nothing: yaml.Node, path: Path, value: object) -> None:
        """The section is empty: `hosts:`, `hosts: {}`."""
        start, end = nothing.start_mark.index, self._end(nothing)
        if end > start and (start, end, "") not in self._found:
            while self.text[start - 1] == " ":
                start -= 1
            if (start, end, "") not in self._found:
                self._found.append((start, end, ""))
        self._lines(end, 2, self.entry(path, value, None))

    def _lines(self, after: int, indent: int, entry: str) -> None:
        at = self._line_end(after)
        lines = "".join(f"\n{' ' * indent}{line}" for line in entry.split("\n"))
        self._found.append((at, at, lines))

    def _new_section(self, section: str, entries: Mapping[str, object]) -> None:
        if self.root.flow_style:
            at = self._end(self.root.value[-1][1]) if self.root.value else self.root.start_mark.index + 1
            comma = ", " if self.root.value else ""
            self._found.append((at, at, f"{comma}{self.value(section)}: {self.value(entries)}"))
            return
        if not self.root.value:
            raise EditsImpossible
        lines = [
            f"  {line}" for name, value in entries.items()
            for line in self.entry((section, name), value, None).split("\n")
        ]  # fmt: skip
        at = self._line_end(self._end(self.root))
        self._found.append((at, at, "\n".join(["\n", f"{section}:", *lines]) + "\n" * (at == len(self.text))))

    def _drop_lines(self, parent: yaml.MappingNode, names: Collection[str]) -> None:
        for name in names:
            key, value = self._of(parent)[name]
            start = self._line_start(key.start_mark.index)
            if self.text[start:key.start_mark.index].strip():
                raise EditsImpossible
            # with the line break before it: what is put in behind its line is put in behind that of the last
            self._found.append((max(start - 1, 0), self._line_end(self._end(value)), ""))
        if len(names) == len(parent.value):
            above = next((key for key, value in self.root.value if value is parent), None)
            if above is None:
                raise EditsImpossible
            at = self.text.index(":", above.end_mark.index) + 1
            self._found.append((at, at, " {}"))

    def _drop_in_braces(self, parent: yaml.MappingNode, names: Collection[str]) -> None:
        kept = [at for at, (key, _) in enumerate(parent.value) if str(key.value) not in names]
        last = max(kept, default=-1)
        for at, (key, _) in enumerate(parent.value[:last]):
            if str(key.value) in names:
                self._found.append((key.start_mark.index, parent.value[at + 1][0].start_mark.index, ""))
        if last + 1 < len(parent.value):
            start = self._end(parent.value[last][1]) if kept else parent.value[0][0].start_mark.index
            self._found.append((start, self._end(parent.value[-1][1]), ""))

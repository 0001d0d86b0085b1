"""The documents say what the code says, and lead where they say: generated tables, links, anchors, sizes."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from twinboot.agent.metrics import reference as counters_reference
from twinboot.alarms import prometheus_rules
from twinboot.alarms import reference as alarms_reference
from twinboot.site.reference import markdown

ROOT = Path(__file__).parents[3]
NOT_OURS = {"build"}
"""Folders of the project that are made, not written; those that begin with a dot are none of ours either."""
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in NOT_OURS for part in path.relative_to(ROOT).parts[:-1])
)
WIDTH = 110
"""Of a line of prose. A row of a table, and what stands in a code block, may be longer."""

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_FENCE = re.compile(r"^\s*(```|~~~)")


def prose(text: str) -> Iterator[str]:
    """The lines outside of code blocks."""
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield line


def anchors(text: str) -> set[str]:
    """What GitHub calls the headings: lower case, no punctuation, hyphens; a second one of a name gets -1."""
    found: dict[str, int] = {}
    names = set()
    for line in prose(text):
        if heading := _HEADING.match(line):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).lower()
            name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            count = found.get(name, 0)
            found[name] = count + 1
            names.add(f"{name}-{count}" if count else name)
    return names


def broken(path: Path, text: str, root: Path) -> list[str]:
    """Relative links of a document that lead nowhere, or out of the project."""
    wrong = []
    for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", "\n".join(prose(text)))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        place, _, anchor = target.partition("#")
        there = (path.parent / place).resolve() if place else path
        if not there.is_relative_to(root) or not there.exists():
            wrong.append(f"{target}: there is no such file")
        elif anchor and (there.suffix != ".md" or anchor not in anchors(there.read_text())):
            wrong.append(f"{target}: there is no such heading")
    return wrong


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path, path.read_text(), ROOT) == []


def test_broken_links_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A title, with `code`\n## Twice\n## Twice\n```\n# no heading\n```\n")
    here = tmp_path / "here.md"
    good = "[a](there.md#a-title-with-code) [b](there.md#twice-1) [c](https://example.org/#x) [d](#top)"
    here.write_text(good + "\n# Top\n" + "`[no](link)`\n```\n[no](link)\n```\n")
    assert broken(here, here.read_text(), tmp_path) == []
    here.write_text("[a](gone.md) [b](there.md#no-heading) [c](#top) [d](../..) [e\nf](gone.md)\n")
    assert [one.split(":")[0] for one in broken(here, here.read_text(), tmp_path)] == [
        "gone.md", "there.md#no-heading", "#top", "../..", "gone.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_readable_in_its_source(path: Path) -> None:
    lines = (line for line in prose(path.read_text()) if not line.startswith(("|", "    ")))
    assert [line for line in lines if len(line) > WIDTH] == []


def test_the_package_has_the_version_of_the_images() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"TWINBOOT_VERSION={package}" in (ROOT / "images/versions.env").read_text().splitlines()


def test_a_table_is_whole() -> None:
    """A row after an empty line is a row of no table, unless it begins one."""
    split = []
    for path in DOCUMENTS:
        lines = [*prose(path.read_text()), ""]
        for above, empty, row, below in zip(lines, lines[1:], lines[2:], lines[3:], strict=False):
            if above.startswith("|") and not empty and row.startswith("|") and not below.startswith("|--"):
                split.append(f"{path.relative_to(ROOT)}: {row}")
    assert split == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize(
    ("document", "name", "current"),
    [
        ("config/README.md", "settings", markdown()),
        ("images/sidecar/METRICS.md", "alarms", alarms_reference.markdown()),
        ("images/sidecar/METRICS.md", "counters", counters_reference.markdown()),
        ("config/examples/prometheus-alerts.yml", "alarms", prometheus_rules.rules()),
    ],
    ids=["settings", "alarms", "counters", "alerts"],
)
def test_generated_part_is_current(document: str, name: str, current: str) -> None:
    begin, end, path = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n", ROOT / document
    if path.suffix == ".yml":
        begin, end = f"      # {name}: begin (made from alarms/kinds.py)\n", f"      # {name}: end\n"
    head, rest = path.read_text().split(begin)
    table, tail = rest.split(end)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(head + begin + current + end + tail)
        return
    assert table == current, f"{document} is not what the code says: `make generated`; read the difference"


def test_table_names_settings_of_every_depth() -> None:
    table = markdown()
    for path in ("`cluster`", "`servers.<name>.links.<name>.address`", "`subnets[].range.first`",
                 "`heartbeat.timers.deadtime_s`", "`hosts.<name>.mac`"):
        assert f"| {path} |" in table


def test_one_target_writes_all_that_is_generated() -> None:
    listed = re.search(r"^GENERATED := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed is not None
    asking = [path for path in (ROOT / "tests").rglob("test_*.py") if '"UPDATE_GOLDEN"' in path.read_text()]
    names = {str(path.relative_to(ROOT)) for path in asking}
    assert set(listed[1].replace("\\", "").split()) == names, "list it in GENERATED, in the Makefile"

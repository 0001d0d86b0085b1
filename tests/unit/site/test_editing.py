"""Entries come into a site file's text, change and leave it, and nothing else of it moves."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from twinboot.site import loads
from twinboot.site.editing import EditError, edited, flow, read

ROOT = Path(__file__).parents[3]
PARITY = (ROOT / "config/examples/parity.yaml").read_text()
NEW = {"mac": "52:54:00:00:01:30", "address": "192.168.0.130", "profile": "rh9"}
LINE = '  new: {mac: "52:54:00:00:01:30", address: 192.168.0.130, profile: rh9}'
KEY = ("hosts", "new")


def rows_of(before: str, after: str) -> tuple[list[str], list[str]]:
    """Lines that came, and lines that went."""
    old, new = before.splitlines(), after.splitlines()
    return [row for row in new if row not in old], [row for row in old if row not in new]


def test_the_example_takes_a_host_changes_one_and_loses_one_line_by_line() -> None:
    made = edited(PARITY, {KEY: NEW, ("hosts", "cli128", "profile"): "other"}, [("hosts", "cli129")])
    came, went = rows_of(PARITY, made)
    assert came == [
        '  cli128: {mac: "52:54:00:00:01:28", address: 192.168.0.128, profile: other} # even: 192.168.0.254',
        LINE,
    ]
    assert [row.split(":")[0].strip() for row in went] == ["cli128", "cli129"]
    assert loads(edited(PARITY, {KEY: NEW})).hosts["new"].mac == ("52:54:00:00:01:30",)


H = "# top\na: 1 # kept\n"
FORMS = {
    "no section": H,
    "no section, no line end": H.rstrip("\n"),
    "nothing in it": f"{H}hosts:\nb: 2 # kept\n",
    "nothing in it, with a comment": f"{H}hosts: # kept\n\nb: 2 # kept\n",
    "null": f"{H}hosts: ~ # kept\nb: 2\n",
    "braces": f"{H}hosts: {{}} # kept\nb: 2\n",
    "one line": f"{H}hosts: {{x: {{mac: 'y'}}}} # kept\n",
    "braces over lines": f"{H}hosts: {{\n  x: {{mac: 'y'}}, # kept\n  z: {{mac: q}},\n  }}\nb: 2\n",
    "other indent": f"{H}hosts:\n        x: {{mac: 'y'}} # kept\n\n\n# of b, kept\nb: 2\n",
    "block entries": f"{H}hosts:\n  x:\n    mac: 'y' # kept\n    post: |\n      # text\n\n      x\n\nb: 2\n",
    "block entries, no line end": f"{H}hosts:\n x:\n  mac: 'y'",
    "anchors": f"{H}hosts:\n  x: &all {{mac: 'y'}} # kept\n  z: *all\nb: 2\n",
    "merged": f"{H}base: &base {{mac: 'y'}}\nhosts:\n  x: {{<<: *base, profile: q}} # kept\n",
    "document marks": f"%YAML 1.2\n---\n{H}hosts:\n  x: {{mac: 'y'}}\n...\n",
    "CR LF": f"{H}hosts:\n  x: {{mac: 'y'}} # kept\nb: 2\n".replace("\n", "\r\n"),
    "byte order mark, letters": "\ufeff# é ü 漢字 🖥\na: \"é\" # kept\nhosts:\n  x: {mac: 'y'} # é kept\n",
    "sequence of nothing": f"{H}hosts:\n  x:\n    mac: ['y', z]\n    kernel_args:\n    - a # kept\n    - b\n",
    "JSON": '{"a": 1, "hosts": {"x": {"mac": "y"}}, "b": [2]}',
    "JSON over lines": '{\n "a": 1,\n "hosts": {\n  "x": {"mac": "y"}\n }\n}\n',
}  # fmt: skip


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_files_of_every_form(text: str) -> None:
    made = edited(text, {KEY: NEW, ("hosts", "also"): {"mac": ["a", "b"], "static": True}})
    was, now = read(text), read(made)
    assert now["hosts"].pop("new") == NEW
    assert now["hosts"].pop("also") == {"mac": ["a", "b"], "static": "true"}
    there = was["hosts"] if isinstance(was.get("hosts"), dict) else {}
    assert now["hosts"] == there
    assert {**now, "hosts": 0} == {**was, "hosts": 0}
    assert made.count("kept") == text.count("kept")
    assert made.count("'y'") == text.count("'y'")
    assert ("\r\n" in made, made[:1] == "\ufeff") == ("\r\n" in text, text[:1] == "\ufeff")
    assert made.replace("\r\n", "").count("\r") == 0
    if "\r\n" in text:
        assert made.replace("\r\n", "").count("\n") == 0
    back = edited(made, {}, [KEY, ("hosts", "also")])
    assert read(back) == {**was, "hosts": there or read(back)["hosts"]}
    assert back.count("kept") == text.count("kept")


@pytest.mark.parametrize("text", [text for text in FORMS.values() if "mac" in text])
def test_one_value_of_an_entry_changes_comes_and_goes(text: str) -> None:
    if "*all" in text or "*base" in text:
        return  # what is shared cannot be changed for one of those that share it
    made = edited(text, {("hosts", "x", "mac"): ["p", "q"], ("hosts", "x", "address"): "10.0.0.1"})
    assert read(made)["hosts"]["x"] == {**read(text)["hosts"]["x"], "mac": ["p", "q"], "address": "10.0.0.1"}
    assert made.count("kept") == text.count("kept")
    gone = edited(made, {}, [("hosts", "x", "mac")])
    assert "mac" not in read(gone)["hosts"]["x"]


def test_what_is_shared_is_not_changed_for_others() -> None:
    text = FORMS["anchors"]
    with pytest.raises(EditError):
        edited(text, {("hosts", "z", "mac"): "other"})
    assert read(edited(text, {}, [("hosts", "z")]))["hosts"] == {"x": {"mac": "y"}}


@pytest.mark.parametrize("text", ["", "- a\n", "hosts: [", "hosts: x\n", "hosts:\n- x\n", "text"])
def test_what_is_no_site_file_is_left_alone(text: str) -> None:
    with pytest.raises(EditError):
        edited(text, {KEY: NEW})


def test_what_is_not_there_cannot_be_taken_out() -> None:
    for path in (("hosts", "nobody"), ("nothing", "x"), ("hosts", "cli128", "uuid")):
        with pytest.raises(EditError, match=path[-1]):
            edited(PARITY, {}, [path])


def test_all_that_leave_leave_an_empty_section() -> None:
    made = edited(PARITY, {}, [("hosts", "cli128"), ("hosts", "cli129")])
    assert loads(made).hosts == {}
    assert rows_of(PARITY, made)[0] == ["hosts: {}"]
    assert loads(edited(made, {KEY: NEW})).hosts.keys() == {"new"}


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-5, 5), st.text(max_size=12)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES)
def test_a_value_on_one_line_is_read_as_it_was_written(value: object) -> None:
    line = flow({"k": value})
    assert "\n" not in line
    assert yaml.safe_load(line) == {"k": value}


def test_thousands_of_machines_go_in_at_once() -> None:
    put: dict[tuple[str, ...], object] = {("hosts", f"n{n}"): {"mac": f"m{n}"} for n in range(5000)}
    made = edited(PARITY, put, [("hosts", "cli128")])
    assert made.count("\n") == PARITY.count("\n") + 4999
    assert len(read(edited(made, {(*path, "mac"): "x" for path in put}))["hosts"]) == 5001

"""The README says what the code says: its table of settings is the model's."""

import os
from pathlib import Path

from twinboot.site.reference import markdown

README = Path(__file__).parents[3] / "README.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"


def test_settings_table_is_current() -> None:
    head, rest = README.read_text().split(BEGIN)
    table, tail = rest.split(END)
    if os.environ.get("UPDATE_GOLDEN"):
        README.write_text(head + BEGIN + markdown() + END + tail)
        return
    assert table == markdown(), "run UPDATE_GOLDEN=1 pytest tests/unit/house/test_docs.py and read it"


def test_table_names_settings_of_every_depth() -> None:
    table = markdown()
    for path in ("`cluster`", "`servers.<name>.links.<name>.address`", "`subnets[].range.first`",
                 "`heartbeat.timers.deadtime_s`", "`hosts.<name>.mac`"):
        assert f"| {path} |" in table

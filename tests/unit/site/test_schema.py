"""The JSON schema for editors is the model's, and the examples point at it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from twinboot.site.model.site import Site
from twinboot.site.schema import json_schema, schema_text

CONFIG = Path(__file__).parents[3] / "config"


def test_the_committed_schema_is_current() -> None:
    path = CONFIG / "site.schema.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(schema_text())
    assert path.read_text() == schema_text(), "`make generated`; read the difference"


@pytest.mark.parametrize("name", ["parity", "dns"])
def test_examples_name_the_schema(name: str) -> None:
    first = (CONFIG / "examples" / f"{name}.yaml").read_text().splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (CONFIG / "examples" / first.removeprefix(prefix)).resolve() == CONFIG / "site.schema.json"


def test_the_schema_allows_what_may_be_left_out() -> None:
    schema = json_schema()
    assert schema["$defs"]["Server"]["required"] == ["address", "interface"]
    assert "required" not in schema["$defs"]["UdpLink"]
    assert schema["$defs"]["SerialLink"]["required"] == ["kind", "device"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(Site.model_fields)


def test_every_key_is_described() -> None:
    schema = json.loads(schema_text())
    for name, model in {"Site": schema, **schema["$defs"]}.items():
        for key, value in model.get("properties", {}).items():
            assert value.get("description"), f"{name}.{key}"

"""The JSON schema of the site file, for editors; `make generated` writes config/site.schema.json.

Owns the schema's text. It says what single values look like; how they fit together only `load` knows.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from .model.site import Site


def json_schema() -> dict[str, Any]:
    """The schema of what an operator may write: links and their addresses may be left out."""
    schema = Site.model_json_schema()
    server = schema["$defs"]["Server"]
    server["required"] = [key for key in server["required"] if key != "links"]
    schema["$defs"]["UdpLink"].pop("required")
    metrics = schema["properties"]["metrics"]
    metrics["anyOf"] = [{"$ref": metrics.pop("$ref")}, {"const": "off"}]
    takeover = schema["properties"]["takeover"]
    takeover["anyOf"] = [{"$ref": takeover.pop("$ref")}, {"$ref": "#/$defs/TakeoverMode"}]
    sync = schema["properties"]["tree_sync"]
    sync["anyOf"] = [{"$ref": sync.pop("$ref")}, {"enum": ["on", "off"]}]
    https = schema["$defs"]["Api"]["properties"]["https"]
    https["anyOf"] = [{"$ref": https.pop("$ref")}, {"const": "off"}]
    schema["title"] = "Twinboot site"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(schema)}


def _plain(value: Any) -> Any:
    """The parts that every release of pydantic writes alike: whole numbers, no rules for names of keys."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if key != "propertyNames"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def schema_text() -> str:
    """The schema as it stands in config/site.schema.json."""
    return json.dumps(json_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())

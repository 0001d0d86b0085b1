"""What the takeover process says is a message with bounds, or malformed, whatever its bytes are."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.wire.ipc import takeover as protocol


@pytest.mark.parametrize("line", [
    b"7", b"null", b"[]", b"{}", b'"id"', b"\xff", b"[" * 50_000, b'{"id": {}}', b'{"id": "x"}',
    b'{"id": 1e999}',
    b'{"id": 1, "report": 3}', b'{"id": 1, "report": {"followed": []}}',
    b'{"id": 1, "report": {"followed": {"http": "many"}}}', b'{"id": 1, "report": {"limits": 5}}',
    b'{"id": 1, "report": {"limits": ["takeover-blind"]}}',
    b'{"id": 1, "report": {"cpu_s": NaN}}', b'{"id": 1, "report": {"totals": {"reset": 1}}}',
    b'{"event": "x"}', b'{"event": "x", "fields": 3}', b'{"event": "x", "fields": {}}',
    b'{"event": "x", "fields": {"address": 1}, "timeline": [[1, 2]]}',
    b'{"event": "x", "fields": {"address": 1}, "timeline": [["soon", "", ""]]}',
    b'{"event": "x", "fields": {"address": 1}, "reset": 5}', b'{"key": "", "value": null}',
    b'{"key": "AAAA"}',
    b'{"key": 5, "value": null}',
])
def test_nonsense_is_no_word_of_the_takeover(line: bytes) -> None:
    with pytest.raises(protocol.MalformedMessage):
        protocol.parse_takeover_line(line)


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "id",
                        "event",
                        "fields",
                        "key",
                        "value",
                        "report",
                        "timeline",
                        "reset",
                        "address",
                        "limits",
                        "totals",
                        "followed",
                        "http",
                    ]
                ),
                inner,
            )
        ),
    )
)
def test_any_json_is_a_word_or_none(found: object) -> None:
    with contextlib.suppress(protocol.MalformedMessage):
        protocol.parse_takeover_line(json.dumps(found).encode())


def test_what_the_takeover_says_is_cut() -> None:
    said = {"event": "x" * 1000, "fields": {"address": "a" * 1000, **{f"n{n}": n for n in range(100)}},
            "reset": {"y" * 1000: 3}, "timeline": [[1.5, "z" * 1000, "t"]] * 1000}
    word = protocol.parse_takeover_line(json.dumps(said).encode())
    assert isinstance(word, protocol.TakeoverEvent)
    cut = protocol.MAX_TEXT
    assert (len(word.name), len(word.address), len(word.fields)) == (cut, cut, protocol.MAX_FIELDS)
    assert word.reset == {"y" * cut: 3}
    assert word.timeline == ((1.5, "z" * cut, "t"),) * protocol.MAX_EVENTS

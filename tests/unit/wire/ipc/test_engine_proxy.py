"""What may be asked of the engine proxy, and that nothing else may be."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twinboot.core.model import ServiceState
from twinboot.wire.ipc.engine_proxy import (
    SERVICES,
    TRIED,
    EngineReply,
    EngineRequest,
    ProtocolError,
    Verb,
    parse_reply,
    parse_request,
    reply_line,
    request_line,
)

NEVER = ("sidecar", "engine-proxy", "takeover-1", "migrate")


@pytest.mark.parametrize(
    "request_",
    [EngineRequest(Verb.STATES, ()), EngineRequest(Verb.STATES, SERVICES)]
    + [EngineRequest(verb, (service,)) for verb in Verb if verb is not Verb.TRY for service in SERVICES]
    + [EngineRequest(Verb.TRY, (service,)) for service in TRIED]
    + [EngineRequest(Verb.RESTART, ("takeover",))]
    + [EngineRequest(verb, ("render",)) for verb in (Verb.CREATE, Verb.START, Verb.STATES, Verb.DIALECTS)],
)
def test_a_request_is_understood(request_: EngineRequest) -> None:
    assert parse_request(request_line(request_)) == request_


@pytest.mark.parametrize(
    "reply",
    [
        EngineReply({}),
        EngineReply(dict.fromkeys(SERVICES, ServiceState.RUNNING)),
        EngineReply({}, ("service dhcpd", "has no container")),
    ],
)
def test_a_reply_is_understood(reply: EngineReply) -> None:
    assert parse_reply(reply_line(reply)) == reply


@pytest.mark.parametrize(
    "said",
    [
        *({"do": "create", "services": [name]} for name in (*NEVER, "takeover")),
        {"do": "create", "services": ["dhcpd", "bind"]},
        {"do": "create", "services": ["dhcpd"], "image": "other"},
        {"do": "try", "services": ["bind"]},
        {"do": "try", "services": ["dhcpd"], "command": ["sh"]},
        {"do": "exec", "services": ["dhcpd"]},
        {"do": "START", "services": ["dhcpd"]},
        {"do": ["start"], "services": ["dhcpd"]},
        {"do": "start", "services": ["sidecar"]},
        *({"do": verb, "services": ["takeover"]} for verb in ("states", "start", "stop")),
        *({"do": "restart", "services": [name]} for name in NEVER),
        {"do": "restart", "services": ["takeover", "dhcpd"]},
        {"do": "states", "services": ["dhcpd", "takeover"]},
        {"do": "stop", "services": ["engine-proxy"]},
        *({"do": verb, "services": ["render"]} for verb in ("stop", "restart", "try")),
        {"do": "start", "services": ["other-dhcpd-1"]},
        {"do": "start", "services": ["../dhcpd"]},
        {"do": "start", "services": ["dhcpd", "bind"]},
        {"do": "start", "services": []},
        {"do": "start", "services": "dhcpd"},
        {"do": "start", "services": [["dhcpd"]]},
        {"do": "start", "services": [{"dhcpd": 1}]},
        {"do": "start", "services": ["dhcpd"], "project": "other"},
        {"do": "start"},
        {"services": ["dhcpd"]},
        ["start", "dhcpd"],
        "start dhcpd",
        None,
        7,
    ],
)
def test_anything_else_is_refused(said: Any) -> None:
    with pytest.raises(ProtocolError):
        parse_request(json.dumps(said).encode() + b"\n")


@pytest.mark.parametrize(
    "line", [b"\n", b"GET /containers/json HTTP/1.1\r\n", b"\xff\xfe\n", b"{\n", b"[" * 500 + b"\n", b"NaN\n"]
)
def test_garbage_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_request(line)
    with pytest.raises(ProtocolError):
        parse_reply(line)


@given(st.binary(max_size=512))
def test_no_line_raises_anything_else(line: bytes) -> None:
    for parse in (parse_request, parse_reply):
        with contextlib.suppress(ProtocolError):
            parse(line)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(SERVICES),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(("do", "services", "ok", "states", "x")), inner)))
def test_no_value_raises_anything_else(value: Any) -> None:
    line = json.dumps(value).encode() + b"\n"
    for parse in (parse_request, parse_reply):
        with contextlib.suppress(ProtocolError):
            parse(line)


def test_a_long_reason_fits_a_line() -> None:
    fault = parse_reply(reply_line(EngineReply({}, ("x" * 5000, "é" * 5000)))).fault
    assert fault is not None
    assert len(fault[0]) == len(fault[1]) == 200

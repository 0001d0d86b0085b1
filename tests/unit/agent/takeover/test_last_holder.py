"""Who had an address last, as the takeover process is told."""

from __future__ import annotations

from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest
from twinboot.agent.takeover.moves import LastHolder
from twinboot.agent.takeover.takeover import _last_holder

VIP = IPv4Address("192.168.0.253")


@pytest.mark.parametrize(("last", "told"), [
    ("server1", LastHolder("server1", alive=True)),
    ("server3", LastHolder("server3", alive=False)),
    ("server2", LastHolder(alive=True, ours=True)),  # what we sent may still be on its way
    ("", LastHolder()),
    ("server9", LastHolder()),  # one that has left
])
def test_it_is_a_peer_ourselves_or_not_known(last: str, told: LastHolder) -> None:
    state = SimpleNamespace(
        groups={"second": SimpleNamespace(last_holder="server1"), "first": SimpleNamespace(last_holder=last)},
        peers={"server1": SimpleNamespace(alive=True), "server3": SimpleNamespace(alive=False)},
        config=SimpleNamespace(me="server2"))
    settings = SimpleNamespace(vips={"first": SimpleNamespace(address=VIP),
                                     "second": SimpleNamespace(address=IPv4Address("192.168.0.254"))})
    look = _last_holder(SimpleNamespace(state=state), settings)  # type: ignore[arg-type]
    assert look(VIP) == told

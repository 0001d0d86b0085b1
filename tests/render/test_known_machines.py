"""A machine that is known never gets what unknown ones get: by whatever card, subnet or lost answer.

The boot loader's ways are walked as PXELINUX 6 walks them (core/fs/pxe/pxe.c, pxe_load_config); the
kickstart's last line of defence is run by a shell. What dhcpd offers: test_dhcp_live.py.
"""

from __future__ import annotations

import copy
from ipaddress import IPv4Address
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from kickstart_pre import Machine
from rendering import GOOD, rendered
from twinboot.loaders.pxelinux.kind import config_name
from twinboot.render import Rendered
from twinboot.site import parse

CFG = "tftp/pxelinux.cfg/"
UUID = "564d2c3a-9f1b-4c57-8e0d-2f6a7b8c9d10"
FIRST_CARD, SECOND_CARD, STRANGE_CARD = "52:54:00:00:01:28", "52:54:00:00:02:28", "52:54:00:00:77:77"
GUID = "00:02:c9:03:00:0a:bc:de"
OWN = "own"  # name of a profile that only known machines get


def files(mode: str = "parity", **host: Any) -> Rendered:
    """Two subnets with ranges; cli128 is in the first one, with a profile of its own."""
    changed = copy.deepcopy(GOOD)
    changed["balancing"] = {"mode": mode}
    changed["profiles"][OWN] = {"tree": "rh9", "version": "RHEL9", "timezone": "Europe/Prague"}
    changed["subnets"].append(
        {
            "network": "192.168.9.0/24",
            "relays": ["192.168.9.1"],
            "profile": "rh9",
            "range": {"first": "192.168.9.10", "last": "192.168.9.20"},
            "unknown": "install",
        }
    )
    changed["hosts"]["cli128"] |= {
        "mac": [FIRST_CARD, SECOND_CARD, GUID],
        "uuid": UUID,
        "profile": OWN,
        **host,
    }
    return rendered(parse(changed))


def asked_for(*, mac: str, address: str, uuid: str = "", config: str = "") -> list[str]:
    """Names below pxelinux.cfg in PXELINUX's order."""
    number = config_name(IPv4Address(address))
    names = [config] if config else []
    names += [uuid] if uuid else []
    names.append("01-" + mac.replace(":", "-"))
    return [*names, *(number[:length] for length in range(8, 0, -1)), "default"]


def installs(text: str) -> str:
    """The profile that a boot file leads to, by the answer file that it names; empty: none."""
    found = [word for word in text.split() if word.startswith("inst.ks=")]
    return found[0].rpartition("/")[2].removesuffix(".ks") if found else ""


WAYS = {
    "first card": {"mac": FIRST_CARD, "address": "192.168.0.128", "config": "host.cli128"},
    "second card": {"mac": SECOND_CARD, "address": "192.168.0.128", "config": "host.cli128"},
    "second card, UUID": {
        "mac": SECOND_CARD,
        "address": "192.168.0.128",
        "uuid": UUID,
        "config": "host.cli128",
    },
    "other subnet": {"mac": FIRST_CARD, "address": "192.168.9.10", "config": "host.cli128"},
    "other subnet, no option 209": {"mac": SECOND_CARD, "address": "192.168.9.10"},
    "strange card, UUID": {
        "mac": STRANGE_CARD,
        "address": "192.168.0.160",
        "uuid": UUID,
        "config": "host.cli128",
    },
    "strange card, UUID, no option 209": {"mac": STRANGE_CARD, "address": "192.168.9.10", "uuid": UUID},
}


@pytest.mark.parametrize("mode", ["parity", "dns"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_leads_a_known_machine_to_itself(way: str, mode: str) -> None:
    found = files(mode).pub
    first = next(name for name in asked_for(**WAYS[way]) if CFG + name in found)
    assert installs(found[CFG + first]) == "cli128"


@pytest.mark.parametrize("mode", ["parity", "dns"])
@pytest.mark.parametrize("address", ["192.168.0.128", "192.168.5.5"])
def test_answers_that_are_lost_lead_to_itself_or_to_its_disk(address: str, mode: str) -> None:
    """PXELINUX goes on to the next name when an answer does not come: any of the names may fail. An
    address of its own, or one that a foreign DHCP server has given."""
    found = files(mode).pub
    names = asked_for(mac=FIRST_CARD, address=address, uuid=UUID, config="host.cli128")
    there = [name for name in names if CFG + name in found]
    assert there[-1] == "default"
    for lost in range(len(there)):
        for gone in combinations(there, lost):
            first = next(name for name in there if name not in gone)
            assert installs(found[CFG + first]) in ("cli128", ""), gone


@pytest.mark.parametrize("mode", ["parity", "dns"])
def test_the_name_where_all_may_end_installs_nothing(mode: str) -> None:
    default = files(mode).pub[CFG + "default"]
    assert installs(default) == ""
    assert "LOCALBOOT 0" in default
    assert "KERNEL" not in default


def test_no_name_is_the_beginning_of_an_address() -> None:
    """PXELINUX shortens the address from the right."""
    names = [path.removeprefix(CFG) for path in files().pub if path.startswith(CFG)]
    numbers = [name for name in names if set(name) <= set("0123456789ABCDEF")]
    assert numbers
    assert {len(name) for name in numbers} == {8}


@pytest.mark.parametrize("mode", ["parity", "dns"])
def test_no_address_of_a_range_leads_to_a_host_and_no_host_to_a_shared_answer(mode: str) -> None:
    found = files(mode).pub
    for last in range(160, 200):
        assert installs(found[f"{CFG}C0A800{last:02X}"]).startswith("rh9")
    assert "Europe/Prague" in found["ks/cli128.ks"]
    assert "Europe/Prague" not in found["ks/rh9.ks" if mode == "dns" else "ks/rh9-first.ks"]


def test_its_addresses_in_other_subnets_are_its_own() -> None:
    found = files(addresses=["192.168.9.128"])
    assert installs(found.pub[CFG + "C0A80980"]) == "cli128"
    assert "fixed-address 192.168.0.128, 192.168.9.128;" in found.etc["dhcpd/dhcpd.conf"]
    zones = {path: text for path, text in found.etc.items() if path.endswith(".zone")}
    assert "128 IN PTR cli128.example.lan." in zones["bind/9.168.192.in-addr.arpa.zone"]


SHARED = [("parity", "ks/rh9-first.ks"), ("parity", "ks/rh9-second.ks"), ("dns", "ks/rh9.ks")]
CARDS = {
    "by its second card": {"eth0": STRANGE_CARD, "eth1": SECOND_CARD.upper()},
    "by its only card": {"eth0": FIRST_CARD},
    "by its card of InfiniBand": {"eth0": STRANGE_CARD, "ib0": "80:00:02:08:fe:80:00:00:00:00:00:00:" + GUID},
}


@pytest.mark.parametrize("version", ["RHEL5", "RHEL6", "RHEL9", "F45"])
@pytest.mark.parametrize(("mode", "path"), SHARED)
@pytest.mark.parametrize("cards", CARDS)
def test_the_answers_of_unknown_machines_stop_a_known_one(
    tmp_path: Path, cards: str, mode: str, path: str, version: str
) -> None:
    changed = parse(
        {
            **GOOD,
            "balancing": {"mode": mode},
            "profiles": {"rh9": {"tree": "rh9", "version": version}},
            "hosts": {
                "cli128": {"mac": [FIRST_CARD, SECOND_CARD, GUID], "uuid": UUID, "address": "192.168.0.128"}
            },
        }
    )
    text = rendered(changed).pub[path]
    code, said = Machine(tmp_path / "known", CARDS[cards]).run(text, version)
    assert code == 1
    assert "cli128" in said + (tmp_path / "known/console").read_text()


@pytest.mark.parametrize(("mode", "path"), SHARED)
def test_a_uuid_is_enough(tmp_path: Path, mode: str, path: str) -> None:
    text = files(mode).pub[path]
    assert Machine(tmp_path / "known", {"eth0": STRANGE_CARD}, UUID.upper()).run(text)[0] == 1
    other = UUID[:-1] + "1"
    unknown = Machine(tmp_path / "unknown", {"lo": "00:00:00:00:00:00", "eth0": STRANGE_CARD}, other)
    assert unknown.run(text)[0] == 0


def test_its_own_answers_do_not_stop_it(tmp_path: Path) -> None:
    assert Machine(tmp_path / "known", {"eth0": FIRST_CARD}, UUID).run(files().pub["ks/cli128.ks"])[0] == 0


def test_a_template_of_an_operators_own_is_guarded_as_well(tmp_path: Path) -> None:
    (tmp_path / "kickstart").mkdir()
    (tmp_path / "kickstart/mine.ks.j2").write_text("text\n%packages\n%end\n")
    changed = copy.deepcopy(GOOD)
    changed["profiles"]["rh9"]["kickstart"] = "mine.ks.j2"
    templates = (tmp_path, Path(__file__).parents[2] / "config/templates")
    text = rendered(parse(changed), templates=templates).pub["ks/rh9-first.ks"]
    assert Machine(tmp_path / "known", {"eth0": FIRST_CARD}).run(text)[0] == 1


def test_several_cards_boot_by_any_of_them() -> None:
    """The installer takes the card that has booted, not the first one of the list."""
    found = files().pub
    assert "--device=bootif " in found["ks/cli128.ks"]
    assert "--device=52:54:00:00:01:29 " in found["ks/cli129.ks"]
    assert "--device=bootif " in found["ks/rh9-first.ks"]
    assert not [text for path, text in found.items() if "--device=link" in text]

"""Faults of BMCs: one change -> this path, a remedy that says this."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sitechange import GOOD, Change, both, faults_of, put
from twinboot.power.logic import targets
from twinboot.power.logic.targets import Target
from twinboot.render import render
from twinboot.site import parse

BMC = {"kind": "redfish", "address": "10.0.8.1", "user": "twinboot", "password_file": "secrets/power/bmc"}
HOST = "hosts.cli128.power"


def host(**more: object) -> Change:
    return put(HOST, {**BMC, **more})


def without(name: str) -> Change:
    return put(HOST, {key: value for key, value in BMC.items() if key != name})


CASES: list[tuple[str, Change, str, str]] = [
    ("kind", host(kind="telnet"), f"{HOST}.kind", "'ipmi' or 'redfish'"),
    ("no kind", without("kind"), f"{HOST}.kind", "required: redfish or ipmi"),
    ("no address", without("address"), f"{HOST}.address", "required"),
    ("no user", without("user"), f"{HOST}.user", "in the host's profile or in the site's `power`"),
    ("no password", without("password_file"), f"{HOST}.password_file", "required"),
    ("a URL", host(address="https://10.0.8.1/"), f"{HOST}.address", "such as 10.0.8.17"),
    ("port", host(address="10.0.8.1:70000"), f"{HOST}.address", "such as 10.0.8.17"),
    ("an option", host(address="-H"), f"{HOST}.address", "such as 10.0.8.17"),
    ("user", host(user="a b"), f"{HOST}.user", "without blanks"),
    ("a long user", host(kind="ipmi", user="a" * 17), f"{HOST}.user", "16 characters"),
    ("password elsewhere", host(password_file="secrets/other"), f"{HOST}.password_file", "below secrets/p"),
    ("password outside", host(password_file="secrets/power/../x"), f"{HOST}.password_file", "config folder"),
    ("the password itself", host(password="x"), f"{HOST}.password", "unknown key"),
    ("verify", host(verify="sha1"), f"{HOST}.verify", "64 hex digits"),
    ("verify outside", host(verify="secrets/power/../../x"), f"{HOST}.verify", "64 hex digits"),
    ("verify of ipmi", host(kind="ipmi", verify="off"), f"{HOST}.verify", "remove it"),
    ("system of ipmi", host(kind="ipmi", system="1"), f"{HOST}.system", "remove it"),
    ("system", host(system="a b"), f"{HOST}.system", "System.Embedded.1"),
    ("firmware", host(firmware="efi"), f"{HOST}.firmware", "'uefi'"),
    ("pace", put("power.interval_s", 61), "power.interval_s", "not above 60"),
    ("address of all", put("power.address", "10.0.8.1"), "power.address", "unknown key"),
    ("twice", both(host(), put("hosts.cli129.power", BMC)), "hosts.cli129.power.address", "hosts.cli128"),
]


@pytest.mark.parametrize(
    ("change", "path", "remedy"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_fault(change: Change, path: str, remedy: str) -> None:
    (fault,) = faults_of(change)
    assert fault.path == path
    assert remedy in fault.remedy


def site(**power: Any) -> dict[str, Any]:
    made = copy.deepcopy(GOOD)
    made["power"] = {"kind": "redfish", "user": "everybody", "password_file": "secrets/power/all",
                     "verify": "off", "interval_s": 3}  # fmt: skip
    made["profiles"]["rh9"]["power"] = {"user": "of-the-profile"}
    made["hosts"]["cli128"]["power"] = {"address": "bmc128:8443", "firmware": "uefi-http", **power}
    return made


def test_a_host_says_more_than_its_profile_and_that_more_than_the_site() -> None:
    rendered = render(parse(site()), "server1").etc["sidecar/power.json"]
    found = targets.decode(rendered)
    assert found.interval_s == 3
    assert found.hosts == {"cli128": Target(
        "redfish", "bmc128:8443", "of-the-profile", "secrets/power/all", "off", "", "uefi-http")}
    ipmi = render(parse(site(user="own", kind="ipmi")), "server1").etc["sidecar/power.json"]
    own = targets.decode(ipmi)
    assert own.hosts["cli128"].user == "own", "what is common may be what this kind does not know"
    colons = ":".join(["AB"] * 32)
    pinned = targets.decode(render(parse(site(verify=colons)), "server1").etc["sidecar/power.json"])
    assert pinned.hosts["cli128"].verify == "ab" * 32


def test_systems_of_one_bmc_and_sites_without_any() -> None:
    made = site(system="1")
    made["hosts"]["cli129"]["power"] = {"address": "bmc128:8443", "system": "2"}
    assert len(targets.decode(render(parse(made), "server1").etc["sidecar/power.json"]).hosts) == 2
    assert "sidecar/power.json" not in render(parse(GOOD), "server1").etc
    again = parse(site())
    assert parse(again.model_dump(mode="json")) == again

"""Settings that were called otherwise before: the fault tells the new name."""

from __future__ import annotations

import pytest
from sitechange import Change, faults_of, put
from twinboot.site.loading.renamed import ANY, RENAMED, renamed_to
from twinboot.site.model.servers import Timers
from twinboot.site.model.site import Profile, Site, Subnet

CASES = [
    (put("subnets.0.wire", "blue"), "subnets[0].wire", "blue", "shared_network"),
    (put("heartbeat.timers.lease_s", 3.0), "heartbeat.timers.lease_s", 3.0, "address_lifetime_s"),
    (put("adopt", {"ftp": "off"}), "adopt", {"ftp": "off"}, "takeover"),
    (put("profiles.rh9.spare", False), "profiles.rh9.spare", False, "mirror"),
]


@pytest.mark.parametrize(("change", "path", "value", "new"), CASES, ids=[case[1] for case in CASES])
def test_the_new_name_is_told(change: Change, path: str, value: object, new: str) -> None:
    [fault] = faults_of(change)
    assert (fault.path, fault.value, fault.remedy) == (path, value, f"unknown key; it is called `{new}` now")


def test_there_is_a_case_for_each() -> None:
    assert {case[3] for case in CASES} == set(RENAMED.values())


def test_the_new_names_exist_and_the_old_ones_do_not() -> None:
    models = {
        ("subnets", ANY, "wire"): Subnet,
        ("heartbeat", "timers", "lease_s"): Timers,
        ("adopt",): Site, ("profiles", ANY, "spare"): Profile,
    }
    assert models.keys() == RENAMED.keys()
    for place, model in models.items():
        assert RENAMED[place] in model.model_fields
        assert place[-1] not in model.model_fields


def test_an_old_name_elsewhere_and_a_slip_are_unknown_keys_as_ever() -> None:
    faults = faults_of(
        put("takeovr", "off"), put("profiles.rh9.miror", True), put("hosts.cli128.spare", True)
    )
    remedies = {fault.path: fault.remedy for fault in faults}
    assert remedies["takeovr"] == "unknown key; did you mean 'takeover'?"
    assert remedies["profiles.rh9.miror"] == "unknown key; did you mean 'mirror'?"
    assert remedies["hosts.cli128.spare"].startswith("unknown key; known: ")
    assert renamed_to(("subnets", 0, "spare")) is None


def test_an_old_name_hides_no_other_fault() -> None:
    faults = faults_of(put("adopt", "off"), put("profiles.rh9.spare", True), put("profiles.rh9.tree", "none"),
                       put("hosts.cli128.mac", "zz"))
    assert {fault.path for fault in faults} >= {"adopt", "profiles.rh9.spare", "hosts.cli128.mac"}

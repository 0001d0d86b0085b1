"""No text of a site file breaks out of the configuration file it is written into."""

from __future__ import annotations

from typing import Any

import pytest
from sitechange import faults_of, put, record


@pytest.mark.parametrize(
    "value", ["a b", 'a"b', "a'b", "a\nb", "a\\b", "", "a\x00b", "inst.ks=http://x", "\u00e9"]
)
def test_kernel_arguments_cannot_leave_their_line(value: str) -> None:
    [fault] = faults_of(put("profiles.rh9.kernel_args", [value]))
    assert fault.path == "profiles.rh9.kernel_args[0]"


INJECTIONS = ['x"; };', "x\ny", "x y", "x;", "x{", "x#", "$(id)", "`id`", "x/../y"]
INJECTIONS += ["x\x00", "{{ 1 }}", "x\r", ""]


@pytest.mark.parametrize("value", INJECTIONS)
@pytest.mark.parametrize(
    "path",
    [
        "cluster",
        "domain",
        "balancing.name",
        "servers.server1.interface",
        "trees.rh9.path",
        "trees.rh9.kernel",
        "trees.rh9.initrd",
        "profiles.rh9.template",
        "profiles.rh9.lang",
        "profiles.rh9.keyboard",
        "profiles.rh9.timezone",
        "profiles.rh9.rootpw_file",
        "hosts.cli128.mac",
        "hosts.cli128.address",
        "subnets.0.network",
        "subnets.0.router",
    ],
)
def test_no_text_breaks_out_of_a_configuration_file(path: str, value: str) -> None:
    faults = faults_of(put(path, value))
    assert path.replace("subnets.0", "subnets[0]") in [fault.path for fault in faults]


@pytest.mark.parametrize("value", [v for v in INJECTIONS if "." not in v])
@pytest.mark.parametrize("section", ["servers", "groups", "trees", "profiles", "hosts"])
def test_no_name_breaks_out_of_a_configuration_file(section: str, value: str) -> None:
    def change(site: dict[str, Any]) -> None:
        site[section][value] = next(iter(site[section].values()))

    assert f"{section}.{value}" in [fault.path for fault in faults_of(change)]


@pytest.mark.parametrize("value", ["a\nb", "%end", "-", "pkg name\t", "a#b", "", " x"])
def test_packages_cannot_leave_their_line(value: str) -> None:
    assert [f.path for f in faults_of(put("profiles.rh9.packages", [value]))] == ["profiles.rh9.packages[0]"]


@pytest.mark.parametrize("line", ["%end", "  %end", "%pre", "%packages", "%include /etc/x"])
def test_a_script_cannot_end_its_section(line: str) -> None:
    [fault] = faults_of(put("profiles.rh9.post", f"echo a\n{line}\nrm"))
    assert fault.path == "profiles.rh9.post"


@pytest.mark.parametrize("value", ["a\x0cb", "\x1b[2J", "\u00e9", "a" * 1501])
def test_messages_have_no_control_codes(value: str) -> None:
    assert [f.path for f in faults_of(put("profiles.rh9.message", value))] == ["profiles.rh9.message"]


@pytest.mark.parametrize("value", ["a\nb", 'a"b\n', "\u00e9", "a\x07"])
def test_txt_values_are_one_line(value: str) -> None:
    assert [f.path for f in faults_of(record(name="x", type="TXT", value=value))] == ["dns.records[0].value"]


@pytest.mark.parametrize("value", ["a;b", "a\nb", "a b", "$x", "(", '"'])
@pytest.mark.parametrize("key", ["name", "value"])
def test_records_cannot_leave_their_line(key: str, value: str) -> None:
    values = {"name": "x", "type": "CNAME", "value": "ftp", key: value}
    assert [f.path for f in faults_of(record(**values))] == [f"dns.records[0].{key}"]

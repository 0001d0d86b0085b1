"""Reading a site file: syntax, defaults, round trip; and the examples are good."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from twinboot.site import Site, SiteError, load, loads, parse

EXAMPLES = Path(__file__).parents[3] / "config" / "examples"
SMALL = """
version: 1
cluster: c
domain: example.lan
servers:
  one: {address: 10.0.0.1, interface: eth0}
  two: {address: 10.0.0.2, interface: eth0, links: {lan: {}}}
groups:
  g: {address: 10.0.0.3, order: [one, two], services: [dhcpd]}
subnets: [{network: 10.0.0.0/24}]
"""


def faults_of(text: str) -> list[str]:
    with pytest.raises(SiteError) as caught:
        loads(text)
    return [str(fault) for fault in caught.value.faults]


@pytest.fixture(params=["parity", "dns"])
def example(request: pytest.FixtureRequest) -> Site:
    return load(EXAMPLES / f"{request.param}.yaml")


def test_examples_load(example: Site) -> None:
    assert str(example.hosts["cli128"].address) == "192.168.0.128"
    assert example.hosts["cli129"].mac == ("52:54:00:00:01:29",)
    assert example.groups["first"].order == ("server1", "server2")
    assert example.dhcpd_group == "first"


def test_json_reads_back_to_an_equal_site(example: Site, tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    path.write_text(example.to_json())
    assert load(path) == example
    assert load(path).to_json() == example.to_json()


def test_links_take_the_servers_own_address_and_interface(example: Site) -> None:
    lan = example.servers["server2"].links["lan"]
    assert (lan.address, lan.interface) == (IPv4Address("192.168.0.252"), "eth0")
    crossover = example.servers["server2"].links["crossover"]
    assert (crossover.address, crossover.interface) == (IPv4Address("10.0.0.2"), "eth1")


def test_a_small_file_gets_the_defaults() -> None:
    site = loads(SMALL)
    for server in site.servers.values():
        assert (server.links["lan"].address, server.links["lan"].interface) == (server.address, "eth0")
    assert site.heartbeat.timers.deadtime_s == 1.0
    assert site.heartbeat.keys == ("secrets/heartbeat.key",)
    assert site.balancing.mode == "parity"
    assert site.hosts == {}


def test_a_section_with_nothing_below_it_is_an_empty_one() -> None:
    assert loads(SMALL + "hosts:\ntrees:\ndns:\n") == loads(SMALL)


def test_an_unquoted_mac_is_no_number_in_base_60() -> None:
    site = loads(
        SMALL + "trees: {t: {path: t}}\nprofiles: {p: {tree: t, version: RHEL9}}\n"
        "hosts: {h: {mac: 52:54:00:00:01:28, address: 10.0.0.9, profile: p}}\n"
    )
    assert site.hosts["h"].mac == ("52:54:00:00:01:28",)


@pytest.mark.parametrize("written", ["52-54-00-AB-01-28", "52:54:00:aB:01:28"])
def test_macs_are_kept_in_one_form(written: str) -> None:
    site = loads(
        SMALL + "trees: {t: {path: t}}\nprofiles: {p: {tree: t, version: RHEL9}}\n"
        f"hosts: {{h: {{mac: '{written}', address: 10.0.0.9, profile: p}}}}\n"
    )
    assert site.hosts["h"].mac == ("52:54:00:ab:01:28",)


@pytest.mark.parametrize("name", ["no", "yes", "on", "0755", "1e3", "012"])
def test_names_that_look_like_other_things_stay_names(name: str) -> None:
    site = loads(SMALL.replace("one", name))
    assert list(site.servers) == [name, "two"]
    assert site.groups["g"].order == (name, "two")


def test_anchors_and_merge_keys_work() -> None:
    site = loads(
        SMALL + "trees: {t: {path: t}}\nprofiles:\n  a: &a {tree: t, version: RHEL9, lang: de_DE.UTF-8}\n"
        "  b: {<<: *a, method: http}\n"
    )
    assert (site.profiles["b"].lang, site.profiles["b"].method) == ("de_DE.UTF-8", "http")


def test_sites_are_immutable() -> None:
    site = loads(SMALL)
    with pytest.raises(Exception, match="frozen"):
        site.domain = "other.lan"  # type: ignore[misc]


def test_a_duplicate_key_is_named_with_both_lines() -> None:
    [fault] = faults_of(SMALL + "domain: other.lan\n")
    assert fault.startswith("line 11, column 1: 'domain: other.lan': ")
    assert "'domain'" in fault
    assert "first in line 4" in fault


def test_a_duplicate_key_far_inside_is_found() -> None:
    [fault] = faults_of(SMALL.replace("interface: eth0}", "interface: eth0, address: 10.0.0.9}"))
    assert "'address'" in fault
    assert fault.startswith("line 6, ")


def test_a_syntax_error_names_its_line() -> None:
    [fault] = faults_of("version: 1\ncluster: [a\ndomain: x\n")
    assert fault == "line 2, column 10: 'cluster: [a': the [ that begins here is not closed"


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        ("version: 1\n\tcluster: a\n", "line 2, column 1", "a tab; write spaces"),
        ("version: 1\ncluster: 'a\ndomain: x\n", "line 2, column 10", "quote that begins here is not closed"),
        ('cluster: "a\nb: {name: "@"}\n', "line 1", "a quote of this line is not closed"),
        ("a: {b: c\nd: e\n", "line 1, column 4", "the { that begins here is not closed"),
        ("version: 1\n---\nversion: 1\n", "line 2, column 1", "a second document begins here"),
        ("a:\n    b: 1\n   c: 2\n", "line 3, column 4", "indented"),
        ("a: @x\n", "line 1, column 4", "cannot begin with '@'; write it in quotes"),
        ("a:b\nc: d\n", "line 2, column 2", "a space missing after the colon"),
    ],
)
def test_broken_yaml_is_told_in_plain_words(text: str, place: str, remedy: str) -> None:
    [fault] = faults_of(text)
    assert fault.startswith(f"{place}: ")
    assert remedy in fault
    assert "\n" not in fault


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n"])
def test_an_empty_file_says_where_to_begin(text: str) -> None:
    [fault] = faults_of(text)
    assert "is empty; begin with a copy of config/examples/parity.yaml" in fault


@pytest.mark.parametrize("text", ["just text", "- a\n- b\n", "42"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    [fault] = faults_of(text)
    assert "must be a mapping" in fault


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [id]", "a: \x00", "? [a]\n: b", "a: &x [*x]", "a: *nothing"]
)
def test_strange_yaml_is_refused_in_good_order(text: str) -> None:
    assert faults_of(text)


def refused(*_: object, **__: object) -> str:
    raise PermissionError(13, "Permission denied")


def test_a_file_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SiteError, match="is not there; begin with a copy of"):
        load(tmp_path / "site.yaml")
    with pytest.raises(SiteError, match="is a folder"):
        load(tmp_path)
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(SiteError, match="chmod a\\+r"):
        load(tmp_path / "site.yaml")
    monkeypatch.undo()
    (tmp_path / "site.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SiteError, match="not UTF-8"):
        load(tmp_path / "site.yaml")


def test_json_faults_have_a_place() -> None:
    with pytest.raises(SiteError, match="line 1, column 2"):
        loads("{a", json_text=True)
    with pytest.raises(SiteError, match="twice"):
        loads('{"a": 1, "a": 2}', json_text=True)


def test_parse_leaves_its_input_alone() -> None:
    document = {"version": 1, "servers": {"one": {"address": "10.0.0.1", "interface": "eth0"}}, "hosts": None}
    before = repr(document)
    with pytest.raises(SiteError):
        parse(document)
    assert repr(document) == before

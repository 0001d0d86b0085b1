"""AutoYaST profiles: what each setting becomes, what is refused, and what a machine's own shell makes of it.

test_valid_by_upstreams_relax_ng asks YaST's own RELAX NG; all the others do without.
"""

from __future__ import annotations

import copy
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from kickstart_pre import Machine
from pre_scripts import HELD, run
from rendering import SECRETS, TEMPLATES, answer, document, rendered
from test_content import CFG, append_of
from test_disks import SAN, ata
from twinboot.installers.autoyast.additions import FIRST_STAGE
from twinboot.installers.autoyast.xml_text import comment, written
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered
from twinboot.render.files import answer_faults
from twinboot.render.generations import repositories_of
from twinboot.render.templates import Templates
from twinboot.site import Site, SiteError, parse
from upstream import schemas

NS = "{http://www.suse.com/1.0/yast2ns}"
TYPE = "{http://www.suse.com/1.0/configns}type"
HEAD = f'<profile xmlns="{NS[1:-1]}" xmlns:config="{TYPE[1:-5]}">'
TREE = "trees/suse/leap15/"
DNS = {"balancing": {"mode": "dns", "name": "install"}}


def suse(mode: dict[str, Any] | None = None, /, **profile: Any) -> Site:
    """The example site; its bare profile with some values more."""
    changed = copy.deepcopy(document("autoyast")) | (mode or {})
    changed["profiles"]["leap"] |= profile
    return parse(changed)


def profile_of(files: Rendered, name: str) -> ET.Element:
    """A profile, its names without their namespace."""
    root = ET.fromstring(answer(files, f"answers/autoyast/{name}.xml"))
    for one in root.iter():
        assert one.tag.startswith(NS), one.tag
        one.tag = one.tag.removeprefix(NS)
    return root


def of(name: str = "plain", /, **profile: Any) -> ET.Element:
    return profile_of(rendered(suse(**profile)), name)


def texts(root: ET.Element, path: str) -> list[str | None]:
    return [one.text for one in root.iterfind(path)]


def source(root: ET.Element, name: str) -> str:
    [found] = [one for one in root.iterfind("scripts/*/script") if one.findtext("filename") == name]
    return found.findtext("source") or ""


def refused(**profile: Any) -> list[tuple[str, str]]:
    with pytest.raises(SiteError) as caught:
        suse(**profile)
    mine = [one for one in caught.value.faults if one.path.startswith("profiles.leap.")]  # hosts' are like it
    return [(one.path.removeprefix("profiles.leap."), one.remedy) for one in mine]


BEFORE = ["twinboot-ask.sh", "twinboot-disks.sh"]
EVERY = [suse(), suse(DNS), suse(method="ftp", mirror=False, disks=["largest", "first"], finish="poweroff")]


@pytest.mark.parametrize("site", EVERY)
def test_profiles_are_xml_whose_values_say_what_they_are(site: Site) -> None:
    """As YaST's XML reader wants it: a list has entries of one name, a boolean is true or false."""
    files = {path: text for path, text in rendered(site).pub.items() if "answers/autoyast/" in path}
    assert len(files) >= 5
    for text in files.values():
        assert text.startswith('<?xml version="1.0"?>\n<!DOCTYPE profile>\n')
        for one in ET.fromstring(text).iter():
            kind, below = one.get(TYPE), [child.tag for child in one]
            assert one.attrib.keys() <= {TYPE}
            assert kind in (None, "boolean", "integer", "symbol", "list")
            if kind == "list":
                assert len(set(below)) == 1
            elif kind is None and below:
                assert len(set(below)) == len(below), "a map has each key once"
            if kind == "boolean":
                assert one.text in ("true", "false")
            if kind == "integer":
                assert int(one.text or "") >= 0


@pytest.mark.parametrize("site", EVERY)
def test_valid_by_upstreams_relax_ng(site: Site) -> None:
    etree = pytest.importorskip("lxml.etree")
    grammar = etree.RelaxNG(etree.parse(str(schemas("autoyast") / "profile.rng")))
    for path, text in rendered(site).pub.items():
        if "answers/autoyast/" in path:
            grammar.assertValid(etree.fromstring(text.encode()))
            wrong = text.replace("<keymap>", "<keymapp>").replace("</keymap>", "</keymapp>")
            assert not grammar.validate(etree.fromstring(wrong.encode())), "the judge can say no"


def test_what_is_said_once() -> None:
    whole = profile_of(rendered(suse()), "whole")
    for path, expected in (
        ("language/language", ["de_DE"]),
        ("keyboard/keymap", ["german-deadkey"]),
        ("timezone/timezone", ["Europe/Berlin"]),
        ("timezone/hwclock", ["UTC"]),
        ("users/user/user_password", ["$6$salt$hashhashhash"]),
        ("software/products/product", ["SLES"]),
        ("software/patterns/pattern", ["base", "yast2_server"]),
        ("software/packages/package", ["vim", "openssh", "sudo", "chrony"]),
        ("software/remove-packages/package", ["telnet"]),
        ("software/remove-patterns/pattern", ["games"]),
        ("general/mode/confirm", ["false"]),
        ("general/mode/second_stage", ["false"]),
        ("general/mode/halt", ["true"]),
        ("networking/dns/hostname", ["whole"]),
        ("networking/dns/domain", ["lab.example.org"]),
        ("services-manager/services/enable/service", ["sshd"]),
    ):
        assert texts(whole, path) == expected, path
    assert "ssh" in texts(whole, "firewall/zones/zone/services/service")
    assert "useradd -m" in source(whole, "twinboot-setup.sh")
    names = texts(whole, "scripts/chroot-scripts/script/filename")
    ours = ["twinboot-finishing.sh", "twinboot-setup.sh", "twinboot-post.sh"]
    assert names == [*ours, "own.sh", "twinboot-end.sh"]
    plain = of()
    assert texts(plain, "users/user/user_password") == ["*"], "no password opens root's account"
    assert texts(plain, "general/mode/halt") == []
    assert texts(plain, "software/patterns/pattern") == ["base"]
    after = texts(plain, "scripts/chroot-scripts/script/filename")
    assert after == ["twinboot-finishing.sh", "twinboot-end.sh"]


@pytest.mark.parametrize(
    ("keyboard", "told"),
    [("us", "english-us"), ("english-us", "english-us"), ("de", "german-deadkey"), ("uk", "english-uk")],
)
def test_a_keyboard_is_called_as_every_service_pack_knows_it(keyboard: str, told: str) -> None:
    assert texts(of(keyboard=keyboard), "keyboard/keymap") == [told]


def test_a_language_is_said_without_its_encoding() -> None:
    for lang in ("cs_CZ", "cs_CZ.UTF-8", "cs_CZ.UTF-8@x"):
        assert texts(of(lang=lang), "language/language") == ["cs_CZ"]


def test_a_section_of_ones_own_may_say_what_no_setting_can() -> None:
    own = {"language": {"language": "de_AT"}, "keyboard": {"keymap": "de-neo"}}
    found = of(lang="de_AT.UTF-8", keyboard="de-neo", autoyast=own)
    assert (texts(found, "language/language"), texts(found, "keyboard/keymap")) == (["de_AT"], ["de-neo"])


def test_values_never_break_out_of_the_xml() -> None:
    odd = "]]></source></script>& <b a='\"'> é €\n\ttab"
    plain = of(post=odd, autoyast={"files": [{"file_path": "/etc/motd", "file_contents": odd}]})
    assert source(plain, "twinboot-post.sh").strip("\n") == odd
    assert texts(plain, "files/file/file_contents") == [odd]
    assert ET.fromstring(written("a", odd)).text == odd
    ET.fromstring(f"<a><!-- {comment('a--b---c-')}--></a>")


@pytest.mark.parametrize(
    ("mode", "tree", "answers"),
    [
        (
            {}, f"defaultrepo=http://10.20.0.6/{TREE}?device=eth2,http://10.20.0.5/{TREE}?device=eth2",
            "10.20.0.6",
        ),
        ({"mirror": False}, f"install=http://10.20.0.6/{TREE}?device=eth2", "10.20.0.6"),
        (DNS, f"install=http://install.lab.example.org/{TREE}?device=eth2", "install.lab.example.org"),
    ],
)  # fmt: skip
def test_linuxrc_is_told_the_groups_address_or_the_install_name(
    mode: dict[str, Any], tree: str, answers: str
) -> None:
    site = suse(mode) if "balancing" in mode else suse(**mode)
    arguments = append_of(rendered(site).pub[CFG + "0A140204"])  # fixed, 10.20.2.4
    assert arguments[0:2] == [tree, f"autoyast=http://{answers}/answers/autoyast/fixed.xml"]


def test_every_machines_command_line_names_its_own_profile() -> None:
    files, plan = rendered(suse()), SitePlan(suse())
    for machine in plan.machines:
        arguments = plan.installer(machine.install).kernel_arguments(plan, machine.install, room=1500)
        [url] = [one for one in arguments if one.startswith("autoyast=")]
        assert url.endswith(f"/{machine.name}.xml")
        assert f"profile of host {machine.name}." in answer(files, url.split("/", 3)[3])


@pytest.mark.parametrize(
    ("network", "kernel", "interfaces"),
    [
        ({"interface": "eth3"}, ["ifcfg=eth3=dhcp"], {"eth3": {"bootproto": "dhcp"}}),
        (
            {"interface": "eth3", "vlan": 7}, ["ifcfg=eth3.7=dhcp"],
            {
                "eth3": {"bootproto": "none"},
                "eth3.7": {"bootproto": "dhcp", "etherdevice": "eth3", "vlan_id": "7"},
            },
        ),
        (
            {"members": ["eth1", "eth2"], "bond_options": "mode=802.3ad,miimon=100", "bridge": "br0"},
            ["ifcfg=eth1=dhcp"],
            {
                "eth1": {"bootproto": "none"}, "eth2": {"bootproto": "none"},
                "bond0": {
                    "bootproto": "none", "bonding_master": "yes", "bonding_slave0": "eth1",
                    "bonding_slave1": "eth2", "bonding_module_opts": "mode=802.3ad miimon=100",
                },
                "br0": {"bootproto": "dhcp", "bridge": "yes", "bridge_ports": "bond0"},
            },
        ),
    ],
)  # fmt: skip
def test_cards_bonds_vlans_and_bridges(
    network: dict[str, Any], kernel: list[str], interfaces: dict[str, dict[str, str]]
) -> None:
    files = rendered(suse(network=network))
    arguments = append_of(files.pub[CFG + "0A140201"])
    assert [one for one in arguments if one.startswith("ifcfg=")] == kernel
    card = kernel[0].split("=")[1].partition(".")[0]
    addresses = arguments[0].partition("=")[2].split(",")
    assert all(one.endswith(f"/?device={card}") for one in addresses), "not by the card of BOOTIF"
    section = profile_of(files, "plain").find("networking")
    assert section is not None
    assert section.findtext("keep_install_network") == "false"
    found = {
        one.findtext("name"): {child.tag: child.text for child in one}
        for one in section.iterfind("interfaces/interface")
    }
    assert found.keys() == interfaces.keys()
    for name, values in interfaces.items():
        assert values.items() <= found[name].items()


def test_the_card_that_has_booted_is_kept_without_settings() -> None:
    files = rendered(suse())
    assert not any(one.startswith("ifcfg") for one in append_of(files.pub[CFG + "0A140201"]))
    section = profile_of(files, "plain").find("networking")
    assert section is not None
    assert section.findtext("keep_install_network") == "true"
    assert section.find("interfaces") is None


def test_a_static_host_keeps_its_address_without_dhcp() -> None:
    files = rendered(suse())
    for name, card in (("still", "twinboot-card"), ("fixed", "eth2.9")):
        found = profile_of(files, name)
        [top] = found.iterfind("networking/interfaces/interface[ipaddr]")
        assert (top.findtext("name"), top.findtext("prefixlen")) == (card, "22")
        assert top.findtext("bootproto") == "static"
        assert texts(found, "networking/routing/routes/route/gateway") == ["10.20.0.1"]
        assert texts(found, "networking/dns/nameservers/nameserver") == ["10.20.0.5", "10.20.0.6"]
    arguments = append_of(files.pub[CFG + "0A140204"])
    assert "ifcfg=eth2.9=10.20.2.4/22,10.20.0.1,10.20.0.6,lab.example.org" in arguments


def chosen(machine: Machine, root: ET.Element, text: str) -> list[str]:
    """The devices of the profile that AutoYaST reads after the scripts of this one."""
    (machine.top / "tmp/profile").mkdir(parents=True, exist_ok=True)
    (machine.top / "tmp/profile/autoinst.xml").write_text(text)
    code, said = run(machine, *(text or "" for text in texts(root, "scripts/pre-scripts/script/source")))
    assert code == 0, said
    changed = ET.fromstring((machine.top / "tmp/profile/modified.xml").read_text())
    return [one.text or "" for one in changed.iterfind(f"{NS}partitioning/{NS}drive/{NS}device")]


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        ("first", ["/dev/sdz"]),
        ("smallest", ["/dev/sdx"]),
        (["largest", "smallest"], ["/dev/sdz", "/dev/sdx"]),
        (["largest", "first"], ["/dev/sdz"]),
        (["first", "largest", "smallest"], ["/dev/sdz", "/dev/sdx"]),
        (["/dev/disk/by-path/pci-0000:00:1f.2-ata-1", "sdq"],
         ["/dev/disk/by-path/pci-0000:00:1f.2-ata-1", "/dev/sdq"]),
    ],
)  # fmt: skip
def test_the_script_writes_the_disks_of_the_machine(tmp_path: Path, disks: Any, expected: list[str]) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", SAN, 1)
    machine.disk("sdz", ata(2), 30)
    machine.disk("sdx", ata(10), 20)
    files = rendered(suse(disks=disks))
    text = files.pub["answers/autoyast/plain.xml"]
    assert chosen(machine, profile_of(files, "plain"), text) == expected


@pytest.mark.parametrize(("route", "code"), [("10.20.0.5 dev eth9 src 10.20.2.3", 0), ("", HELD)])
def test_the_script_names_the_card_of_a_static_host(tmp_path: Path, route: str, code: int) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sdz", ata(2), 30)
    files = rendered(suse())
    (machine.top / "tmp/profile").mkdir(parents=True)
    (machine.top / "tmp/profile/autoinst.xml").write_text(files.pub["answers/autoyast/still.xml"])
    script = source(profile_of(files, "still"), "twinboot-disks.sh")
    assert "twinboot-card" not in source(profile_of(files, "fixed"), "twinboot-disks.sh")
    held, _ = run(machine, f'ip() {{ echo "{route}"; }}\n{script}')
    assert held == code
    if not held:
        found = ET.fromstring((machine.top / "tmp/profile/modified.xml").read_text())
        interface = f"{NS}networking/{NS}interfaces/{NS}interface"
        assert [one.findtext(f"{NS}name") for one in found.iterfind(interface)] == ["eth9"]


def test_a_machine_without_a_disk_of_its_own_holds(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", SAN)
    (machine.top / "tmp/profile").mkdir(parents=True)
    (machine.top / "tmp/profile/autoinst.xml").write_text("<profile/>")
    code, said = run(machine, source(of(), "twinboot-disks.sh"))
    assert code == HELD
    assert "Nothing was erased" in said
    assert not (machine.top / "tmp/profile/modified.xml").exists()


def test_where_no_script_has_run_no_disk_is_named_that_there_is() -> None:
    for site in EVERY:
        for path, text in rendered(site).pub.items():
            if "answers/autoyast/" in path:
                for device in ET.fromstring(text).iterfind(f"{NS}partitioning/{NS}drive/{NS}device"):
                    assert (device.text or "").startswith("/dev/twinboot-disk-")


@pytest.mark.parametrize(("mac", "code"), [("52:54:00:ab:00:03", HELD), ("52:54:00:77:77:77", 0)])
def test_a_known_machine_holds_before_it_is_asked_for_its_disks(tmp_path: Path, mac: str, code: int) -> None:
    shared = profile_of(rendered(suse()), "leap-red")
    names = texts(shared, "scripts/pre-scripts/script/filename")
    assert names == ["twinboot-known.sh", "twinboot-disks.sh"]
    machine = Machine(tmp_path / "machine", cards={"eth0": "52:54:00:77:77:78", "eth1": mac})
    held, said = run(machine, source(shared, "twinboot-known.sh"))
    assert held == code
    assert ("this machine is still" in said) == (code == HELD)
    own = profile_of(rendered(suse()), "plain")
    assert texts(own, "scripts/pre-scripts/script/filename") == BEFORE


@pytest.mark.parametrize(
    ("values", "path", "remedy"),
    [
        ({"partitions": ["part / --size=1"]}, "partitions", "autoyast: {partitioning"),
        ({"finish": "halt"}, "finish", "poweroff"),
        ({"disks": "all"}, "disks", "by name"),
        ({"packages": ["a b"]}, "packages[0]", "no package"),
        ({"version": "leap16"}, "version", "no release of autoyast"),
        ({"lang": "de_AT.UTF-8"}, "lang", "write de_DE.UTF-8"),
        ({"lang": "C.UTF-8"}, "lang", "no such language"),
        ({"keyboard": "de-neo"}, "keyboard", "no such keyboard"),
        ({"keyboard": "uss"}, "keyboard", "did you mean 'us'?"),
        ({"network": {"vlan": 7}}, "network.interface", "required"),
        ({"network": {"members": [f"e{at}" for at in range(11)]}}, "network.members", "10 members"),
        ({"network": {"interface": "e"}, "kernel_args": ["ifcfg=*=dhcp"]}, "network", "one of both"),
        ({"kernel_args": ["autoyast=x"]}, "kernel_args[0]", "Twinboot itself"),
        ({"autoyast": 7}, "autoyast", "mapping of sections"),
        ({"autoyast": {"general": "x"}}, "autoyast.general", "a mapping or a list"),
        ({"autoyast": {"a b": {}}}, "autoyast.a b", "no name of an XML element"),
        ({"autoyast": {"x": {"y": 1.5}}}, "autoyast.x.y", "in quotes"),
        ({"autoyast": {"x": {"y": "\x01"}}}, "autoyast.x.y", "printable"),
        ({"autoyast": "words"}, "autoyast", "no element"),
        ({"autoyast": "<general>\n  <mode>\n</general>"}, "autoyast", "line 3, column 3"),
        ({"disks": "largest", "autoyast": {"partitioning": [{"device": "/dev/sda"}]}}, "disks", "disk-1"),
    ],
)
def test_what_autoyast_cannot_do_is_told(values: dict[str, Any], path: str, remedy: str) -> None:
    [(where, told)] = refused(**values)
    assert where == path
    assert remedy in told


def test_a_static_card_without_a_router_has_its_name_server_in_its_place() -> None:
    read = document("autoyast")
    subnets = [{key: one for key, one in net.items() if key != "router"} for net in read["subnets"]]
    arguments = append_of(rendered(suse({**DNS, "subnets": subnets})).pub[CFG + "0A140204"])
    [told] = [one for one in arguments if one.startswith("ifcfg=")]
    assert told.split(",")[1:] == ["", "10.20.0.6", "lab.example.org"], "the install name must be looked up"


def test_without_a_card_of_its_own_linuxrc_takes_the_one_that_has_booted() -> None:
    assert "?" not in append_of(rendered(suse()).pub[CFG + "0A140201"])[0]


def test_a_cards_name_with_a_tag_in_it_is_no_cards_name() -> None:
    arguments = append_of(rendered(suse(mirror=False, network={"interface": "eth3.7"})).pub[CFG + "0A140201"])
    assert (arguments[0][-12:], arguments[2]) == ("?device=eth3", "ifcfg=eth3.7=dhcp")


def test_kernel_arguments_of_ones_own_replace_ours() -> None:
    site = suse({"hosts": {"plain": document("autoyast")["hosts"]["plain"]}}, kernel_args=["ifcfg=eth7=dhcp"])
    arguments = append_of(rendered(site).pub[CFG + "0A140201"])
    assert [one for one in arguments if one.startswith("ifcfg=")] == ["ifcfg=eth7=dhcp"]


def test_a_mapping_of_ones_own_is_merged() -> None:
    found = of(autoyast={
        "general": {"mode": {"confirm": True}, "storage": {"start_multipath": True}},
        "software": {"patterns": ["kvm_server"]},
        "partitioning": [{"device": "/dev/twinboot-disk-1", "partitions": [
            {"mount": "/", "filesystem": "ext4", "size": "max", "partition_nr": 1},
        ]}],
        "scripts": {"pre-scripts": [{"filename": "mine.sh", "source": "true"}]},
    })  # fmt: skip
    assert texts(found, "general/mode/confirm") == ["true"]
    assert texts(found, "general/self_update") == ["false"], "what is beside it stays"
    assert texts(found, "general/storage/start_multipath") == ["true"]
    assert texts(found, "software/patterns/pattern") == ["kvm_server"], "a list takes the place of ours"
    assert texts(found, "software/packages/package") == ["openssh"]
    assert [one.get(TYPE) for one in found.iter("filesystem")] == ["symbol"]
    assert [one.get(TYPE) for one in found.iter("partition_nr")] == ["integer"]
    assert texts(found, "scripts/pre-scripts/script/filename") == [*BEFORE, "mine.sh"]


def test_xml_of_ones_own_takes_the_place_of_sections() -> None:
    given = """\
<partitioning config:type="list">
  <drive>
    <device>/dev/twinboot-disk-1</device>
    <use>all</use>
  </drive>
</partitioning>
<scripts>
  <pre-scripts config:type="list"><script><filename>mine.sh</filename></script></pre-scripts>
  <init-scripts config:type="list"><script><filename>first.sh</filename></script></init-scripts>
</scripts>
"""
    whole = f'<?xml version="1.0"?>\n{HEAD}{given}</profile>'
    for text in (given, whole):
        found = of(autoyast=text)
        assert texts(found, "partitioning/drive/initialize") == []
        assert [one.get(TYPE) for one in found.iterfind("partitioning")] == ["list"]
        assert texts(found, "scripts/pre-scripts/script/filename") == [*BEFORE, "mine.sh"]
        assert texts(found, "scripts/init-scripts/script/filename") == ["first.sh"]
        after = texts(found, "scripts/chroot-scripts/script/filename")
        assert (after[0], after[-1]) == ("twinboot-finishing.sh", "twinboot-end.sh")
        assert len(texts(found, "scripts")) == len(texts(found, "partitioning")) == 1


@pytest.mark.parametrize(
    ("own", "second"),
    [
        (None, "false"),
        ({"files": [{"file_path": "/x"}]}, "false"),
        ({"nis": {"start_nis": True}}, "true"),
        ("<nis><start_nis config:type='boolean'>true</start_nis></nis>", "true"),
        ({"scripts": {"post-scripts": [{"source": "true"}]}}, "true"),
    ],
)
def test_the_second_stage_runs_for_sections_that_need_it(own: Any, second: str) -> None:
    found = of(finish="poweroff", **({"autoyast": own} if own else {}))
    assert texts(found, "general/mode/second_stage") == [second]
    assert texts(found, "general/mode/final_halt") == (["true"] if second == "true" else [])
    ours = {one.tag for one in profile_of(rendered(suse()), "whole")}
    assert ours <= FIRST_STAGE | {"add-on"}


def template_faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (tmp_path / "autoyast").mkdir(exist_ok=True)
    (tmp_path / "autoyast/own.xml.j2").write_text(text)
    plan = SitePlan(suse(template="own.xml.j2"))
    found = answer_faults(plan, Templates((tmp_path, *TEMPLATES)))
    return sorted({(one.path, f"{one.value} {one.remedy.partition(' (for')[0]}".lstrip()) for one in found})


def test_a_template_of_ones_own_must_be_xml_and_stop_known_machines(tmp_path: Path) -> None:
    head = f"{HEAD}\n"
    where = "templates/autoyast/own.xml.j2"
    good = head + "{{ sections.partitioning }}{{ sections.scripts }}<x>{{ '<' | e }}</x></profile>"
    assert template_faults(tmp_path, good) == []
    assert {path for path, _ in template_faults(tmp_path, head + "</profil>")} == {where}
    assert "line 2, column 3" in template_faults(tmp_path, head + "</profil>")[0][1]
    asked, known = template_faults(tmp_path, head + "</profile>")
    assert "twinboot-ask.sh" in asked[1], "hosts"
    assert "twinboot-known.sh" in known[1], "all others"
    told_of = template_faults(tmp_path, head + "{{ sections.partitioning }}</profile>")
    assert any("twinboot-disks.sh" in remedy for _, remedy in told_of)
    assert template_faults(tmp_path, "<x/>")[-1][1].startswith("x must be <profile")
    with pytest.raises(SiteError):
        rendered(suse(template="own.xml.j2"), templates=(tmp_path, *TEMPLATES))


def test_modules_of_a_medium_with_several_repositories_are_added(tmp_path: Path) -> None:
    for folder in ("Module-Basesystem", "Module-Containers", "Product-SLES"):
        (tmp_path / "suse/sles15" / folder / "repodata").mkdir(parents=True)
        (tmp_path / "suse/sles15" / folder / "repodata/repomd.xml").touch()
    (tmp_path / "suse/sles15/media.1").mkdir()
    products = "/Module-Basesystem sle-module-basesystem 15.6-0\n/Module-Gone gone 1\n/Product-SLES SLES 15\n"
    (tmp_path / "suse/sles15/media.1/products").write_text(products)
    site = suse()
    found = repositories_of(site, tmp_path)
    assert found["sles"] == ("suse/sles15/Module-Basesystem", "suse/sles15/Product-SLES")
    whole = profile_of(rendered(site, repositories=found), "whole")
    [one] = whole.iterfind("add-on/add_on_products/listentry")
    assert one.findtext("product_dir") == "/Module-Basesystem"
    assert one.findtext("product") == "sle-module-basesystem"
    assert one.findtext("media_url") == "ftp://10.20.0.6/trees/suse/sles15/"
    assert of().find("add-on") is None


@pytest.mark.long
def test_three_thousand_hosts_take_seconds() -> None:
    changed = copy.deepcopy(document("autoyast"))
    changed["subnets"] = [{"network": "10.20.0.0/16", "router": "10.20.0.1", "profile": "leap"}]
    changed["hosts"] = {
        f"n{at}": {
            "mac": f"52:54:00:00:{at >> 8:02x}:{at & 255:02x}",
            "address": f"10.20.{1 + at // 250}.{1 + at % 250}",
        } for at in range(3000)
    }
    start = time.process_time()
    assert len(rendered(parse(changed), secrets=SECRETS).pub) > 6000
    assert time.process_time() - start < 30

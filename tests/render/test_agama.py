"""Agama profiles: what each setting becomes, what is refused, and what a machine's own shell makes of it.

test_valid_by_upstreams_schema asks Agama's own JSON schema; all the others do without.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from kickstart_pre import Machine
from pre_scripts import HELD, run
from rendering import TEMPLATES, answer, document, rendered
from test_content import CFG, append_of
from test_disks import SAN, ata
from twinboot.installers.agama.additions import KNOWN
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered
from twinboot.render.disk_checks import check_files
from twinboot.render.files import answer_faults
from twinboot.render.generations import repositories_of
from twinboot.render.templates import Templates
from twinboot.site import Site, SiteError, parse
from upstream import schemas

DNS = {"balancing": {"mode": "dns", "name": "install"}}
PLAIN, FIXED = CFG + "0A140201", CFG + "0A140204"
EMPTIED = {"search": "*", "delete": True}
NEEDED = {"scripts", "product", "questions", "localization", "root", "storage", "software"}
SYSTEM = {"generate": "default"}


def suse(mode: dict[str, Any] | None = None, /, **profile: Any) -> Site:
    """The example site; its bare profile with some values more."""
    changed = copy.deepcopy(document("agama")) | (mode or {})
    changed["profiles"]["leap"] |= profile
    return parse(changed)


def profile_of(files: Rendered, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer(files, f"answers/agama/{name}.json"))
    return found


def of(name: str = "plain", /, **profile: Any) -> dict[str, Any]:
    return profile_of(rendered(suse(**profile)), name)


def content(profile: dict[str, Any], name: str) -> str:
    scripts = [one for group in profile["scripts"].values() for one in group]
    [found] = [one["content"] for one in scripts if one["name"] == name]
    assert found.startswith("#!/bin/sh\n"), "Agama runs the file itself"
    return str(found)


def names(profile: dict[str, Any], group: str) -> list[str]:
    return [one["name"] for one in profile["scripts"][group]]


def refused(**profile: Any) -> list[tuple[str, str]]:
    with pytest.raises(SiteError) as caught:
        suse(**profile)
    mine = [one for one in caught.value.faults if one.path.startswith("profiles.leap.")]  # hosts' are like it
    return [(one.path.removeprefix("profiles.leap."), one.remedy) for one in mine]


EVERY = [suse(), suse(DNS), suse(disks=["largest", "first"], packages=["@kvm_server", "-@selinux", "vim"])]


@pytest.mark.parametrize("site", EVERY)
def test_profiles_hold_what_agama_needs_and_nothing_that_it_refuses(site: Site) -> None:
    files = {path for path in rendered(site).pub if "answers/agama/" in path}
    assert len(files) >= 6
    for path in files:
        found = json.loads(rendered(site).pub[path])
        assert found.keys() <= set(KNOWN)
        assert found.keys() >= NEEDED
        assert found["root"]["hashedPassword"] is True
        assert found["questions"] == {"policy": "auto"}
        assert found["storage"]["drives"]
        for group in found["scripts"].values():
            for one in group:
                assert one.keys() <= {"name", "content", "chroot"}
                assert "/" not in one["name"]


@pytest.mark.parametrize("branch", ["agama", "agama-sle16"])
@pytest.mark.parametrize("site", EVERY)
def test_valid_by_upstreams_schema(site: Site, branch: str) -> None:
    """agama: of the main branch; agama-sle16: of the branch that 16.0's media are made of."""
    jsonschema, referencing = pytest.importorskip("jsonschema"), pytest.importorskip("referencing")
    documents = {one.name: json.loads(one.read_text()) for one in schemas(branch).glob("*.json")}
    base = documents["profile.schema.json"]["$id"].rpartition("/")[0]
    parts = [(f"{base}/{name}", referencing.Resource.from_contents(one)) for name, one in documents.items()]
    judge = jsonschema.Draft201909Validator(
        documents["profile.schema.json"], registry=referencing.Registry().with_resources(parts)
    )
    for path, text in rendered(site).pub.items():
        if "answers/agama/" in path:
            judge.validate(json.loads(text))
            assert not judge.is_valid({**json.loads(text), "sofware": {}}), "the judge can say no"


@pytest.mark.parametrize(("version", "product"), [
    ("sles16", "SLES"), ("leap16", "openSUSE_Leap"), ("leap16.0", "Leap_16.0"),
])  # fmt: skip
def test_each_release_is_called_as_its_own_agama_calls_it(version: str, product: str) -> None:
    assert of(version=version)["product"] == {"id": product}


def test_what_is_said_once() -> None:
    whole = profile_of(rendered(suse()), "whole")
    assert whole["localization"] == {
        "language": "de_DE.UTF-8", "keyboard": "de", "timezone": "Europe/Berlin"
    }  # fmt: skip
    assert whole["root"]["password"] == "$6$salt$hashhashhash"
    assert whole["root"]["sshPublicKey"].endswith(" ops@lab")
    assert whole["software"] == {
        "patterns": {"add": ["kvm_server"], "remove": ["selinux"]},
        "packages": ["vim", "openssh", "sudo", "chrony"],
    }
    assert whole["hostname"] == {"static": "whole.lab.example.org"}
    assert whole["product"] == {"id": "SLES", "registrationUrl": "http://rmt.lab.example.org"}
    ours = ["twinboot-finishing.sh", "twinboot-setup.sh", "twinboot-post.sh"]
    assert names(whole, "post") == [*ours, "own.sh", "twinboot-done.sh"]
    setup = content(whole, "twinboot-setup.sh")
    for words in ("useradd -m", "authorized_keys", "ntp.lab.example.org", "proxy=http:", "enable sshd"):
        assert words in setup
    plain = of()
    assert plain["root"] == {"password": "*", "hashedPassword": True}, "no password opens root's account"
    assert plain["product"]["id"] == "openSUSE_Leap"
    assert plain["software"] == {"packages": ["openssh"]}
    assert "network" not in plain


def test_the_first_lines_say_what_is_erased() -> None:
    for name, words in (("plain", "first"), ("leap-red", "first"), ("every", "EVERY disk")):
        text = rendered(suse()).pub[f"answers/agama/{name}.json"]
        assert f"Disks: {words}" in "".join(text.splitlines(True)[:6])


def test_values_never_break_out_of_the_json() -> None:
    odd = "\"}],\\ é €\n\ttab </x> ${a} {{ b }}"
    plain = of(post=odd, agama={"files": [{"destination": "/etc/motd", "content": odd}]})
    assert content(plain, "twinboot-post.sh") == f"#!/bin/sh\n{odd}\n"
    assert plain["files"][0]["content"] == odd


@pytest.mark.parametrize(("mode", "place"), [({}, "10.20.0.6"), (DNS, "install.lab.example.org")])
def test_the_live_system_is_told_the_groups_address_or_the_install_name(
    mode: dict[str, Any], place: str
) -> None:
    files = rendered(suse(mode))
    arguments = append_of(files.pub[FIXED])
    assert arguments[:4] == [
        f"root=live:http://{place}/trees/suse/leap16/LiveOS/squashfs.img",
        f"inst.auto=http://{place}/answers/agama/fixed.json",
        "inst.self_update=0",
        "inst.finish=reboot",
    ]
    assert "answers/agama/fixed.json" in files.pub


def test_the_repository_of_the_medium_is_named_once(tmp_path: Path) -> None:
    """Agama adds every one that is named, so a spare address would be one more that has to be there."""
    site = suse()
    assert not any("install_url" in one for one in append_of(rendered(site).pub[PLAIN])), "an Online medium"
    (tmp_path / "suse/leap16/install/repodata").mkdir(parents=True)
    (tmp_path / "suse/leap16/install/repodata/repomd.xml").touch()
    found = repositories_of(site, tmp_path)
    arguments = append_of(rendered(site, repositories=found).pub[PLAIN])
    named = [one for one in arguments if one.startswith("inst.install_url=")]
    assert named == ["inst.install_url=http://10.20.0.5/trees/suse/leap16/install/"]
    own = suse(kernel_args=["inst.install_url=http://mirror.example.org/a", "inst.self_update=1"])
    arguments = append_of(rendered(own, repositories=found).pub[PLAIN])
    assert [one for one in arguments if "install_url" in one or "self_update" in one] == [
        "inst.install_url=http://mirror.example.org/a", "inst.self_update=1",
    ]  # fmt: skip
    remedies = [one.remedy for one in check_files(site, tmp_path, TEMPLATES)]
    assert any("LiveOS/squashfs.img" in one for one in remedies)


@pytest.mark.parametrize(
    ("network", "kernel", "links"),
    [
        ({"interface": "eth3"}, ["ip=eth3:dhcp", "rd.bootif=0"], [{"id": "eth3", "method4": "auto"}]),
        (
            {"interface": "eth3", "vlan": 7},
            ["vlan=eth3.7:eth3", "ip=eth3.7:dhcp", "rd.bootif=0"],
            [
                {"id": "eth3", "method4": "disabled"},
                {"id": "eth3.7", "method4": "auto", "vlan": {"id": 7, "parent": "eth3"}},
            ],
        ),
        (
            {"members": ["eth1", "eth2"], "bond_options": "mode=4,miimon=100,lacp_rate=1", "bridge": "br0"},
            ["bond=bond0:eth1,eth2:mode=4,miimon=100,lacp_rate=1", "bridge=br0:bond0", "ip=br0:dhcp",
             "rd.bootif=0"],
            [
                {"id": "eth1"},
                {"id": "eth2"},
                {
                    "id": "bond0", "method4": "disabled",
                    "bond": {"ports": ["eth1", "eth2"], "mode": "802.3ad",
                             "options": "miimon=100 lacp_rate=1"},
                },
                {"id": "br0", "method4": "auto", "bridge": {"ports": ["bond0"], "stp": False}},
            ],
        ),
    ],
)  # fmt: skip
def test_kernel_and_profile_say_the_same_of_the_network(
    network: dict[str, Any], kernel: list[str], links: list[dict[str, Any]]
) -> None:
    files = rendered(suse(network=network))
    arguments = append_of(files.pub[PLAIN])
    connecting = ("ip=", "bond=", "vlan=", "bridge=", "rd.bootif")
    assert [one for one in arguments if one.startswith(connecting)] == kernel
    found = profile_of(files, "plain")["network"]["connections"]
    assert len(found) == len(links)
    for one, expected in zip(found, links, strict=True):
        assert one["interface"] == expected["id"]
        assert expected.items() <= one.items()


def test_a_static_host_keeps_its_address_without_dhcp() -> None:
    files = rendered(suse())
    kept = {
        "method4": "manual", "nameservers": ["10.20.0.5", "10.20.0.6"], "gateway4": "10.20.0.1",
        "dnsSearchlist": ["lab.example.org"],
    }  # fmt: skip
    [still] = profile_of(files, "still")["network"]["connections"]
    card = {"id": "twinboot", "macAddress": "52:54:00:ab:00:03"}
    assert still == {**card, "addresses": ["10.20.2.3/22"], **kept}
    top = profile_of(files, "fixed")["network"]["connections"][-1]
    assert {"interface": "eth2.9", "addresses": ["10.20.2.4/22"], **kept}.items() <= top.items()
    assert "ip=10.20.2.4::10.20.0.1:255.255.252.0:fixed.lab.example.org:eth2.9:none" in append_of(
        files.pub[FIXED]
    )


@pytest.mark.parametrize("mac", [["52:54:00:ab:00:03", "52:54:00:ab:01:03"], "0x0002c903000abcde"])
def test_a_static_host_of_several_cards_says_which(mac: Any) -> None:
    hosts = document("agama")["hosts"]
    site = suse({"hosts": {**hosts, "still": {**hosts["still"], "mac": mac}}})
    [fault] = set(answer_faults(SitePlan(site), Templates(TEMPLATES)))
    assert fault.path == "hosts.still.network.interface"
    with pytest.raises(SiteError):
        rendered(site)
    named = {**hosts["still"], "mac": mac, "network": {"interface": "eth1"}}
    assert not list(answer_faults(SitePlan(suse({"hosts": {**hosts, "still": named}})), Templates(TEMPLATES)))


def test_network_arguments_of_ones_own_take_the_place_of_ours() -> None:
    site = suse({"hosts": {"plain": document("agama")["hosts"]["plain"]}}, kernel_args=["ip=eth7:dhcp"])
    arguments = append_of(rendered(site).pub[PLAIN])
    found = [one for one in arguments if one.startswith(("ip=", "rd.bootif"))]
    assert found == ["rd.bootif=0", "ip=eth7:dhcp"]
    assert "network" not in profile_of(rendered(site), "plain")


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        ("first", ["/dev/sdz"]),
        ("smallest", ["/dev/sdx"]),
        (["largest", "smallest"], ["/dev/sdz", "/dev/sdx"]),
        (["largest", "first"], ["/dev/sdz"]),
        (["/dev/sdq", "/dev/sdr"], ["/dev/sdq", "/dev/sdr"]),
    ],
)
def test_the_script_links_the_disks_of_the_machine(tmp_path: Path, disks: Any, expected: list[str]) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", SAN, 1)
    machine.disk("sdz", ata(2), 30)
    machine.disk("sdx", ata(10), 20)
    plain = of(disks=disks)
    code, said = run(machine, content(plain, "twinboot-disks.sh"))
    assert code == 0, said
    links = sorted((machine.top / "dev/twinboot").iterdir())
    assert [str(one.readlink()) for one in links] == expected
    drives = plain["storage"]["drives"]
    assert drives[0] == {"search": "/dev/twinboot/disk-1", "partitions": [EMPTIED, SYSTEM]}
    for number, drive in enumerate(drives[1:], 2):
        named = f"/dev/twinboot/disk-{number}"
        assert drive["search"] in (named, {"condition": {"name": named}, "ifNotFound": "skip"})
        assert drive["partitions"] == [EMPTIED]
    by_word = isinstance(disks, list) and "/dev/sdq" not in disks
    assert any(isinstance(one["search"], dict) for one in drives) == by_word


def test_a_machine_without_its_disk_holds(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine")
    machine.disk("sda", SAN)
    code, said = run(machine, content(of(), "twinboot-disks.sh"))
    assert (code, "Nothing was erased" in said) == (HELD, True)
    absent = content(of(disks="/dev/sdq"), "twinboot-disks.sh").replace('[ -b "/dev/$disk" ]', "false")
    code, said = run(machine, absent)
    assert (code, "/dev/sdq is not there" in said) == (HELD, True)
    assert not list((machine.top / "dev/twinboot").iterdir())


def test_every_disk_must_be_asked_for() -> None:
    drives = profile_of(rendered(suse()), "every")["storage"]["drives"]
    assert [one["partitions"] for one in drives] == [[EMPTIED, SYSTEM], [EMPTIED]]
    assert drives[0]["search"] == {"sort": {"name": "asc"}, "max": 1}
    assert drives[1]["search"] == "*"
    for name in ("plain", "whole", "still", "fixed", "leap-red"):
        found = json.dumps(profile_of(rendered(suse()), name)["storage"]["drives"])
        assert found.count("/dev/twinboot/disk-") == found.count('"partitions"'), "none is found by itself"


@pytest.mark.parametrize(("mac", "code"), [("52:54:00:ab:00:03", HELD), ("52:54:00:77:77:77", 0)])
def test_a_known_machine_holds_before_it_is_asked_for_its_disks(tmp_path: Path, mac: str, code: int) -> None:
    shared = profile_of(rendered(suse()), "leap-red")
    assert names(shared, "pre") == ["twinboot-known.sh", "twinboot-disks.sh"]
    machine = Machine(tmp_path / "machine", cards={"eth0": "52:54:00:77:77:78", "eth1": mac})
    held, said = run(machine, content(shared, "twinboot-known.sh"))
    assert held == code
    assert ("this machine is still" in said) == (code == HELD)
    assert names(of(), "pre") == ["twinboot-ask.sh", "twinboot-disks.sh"]


@pytest.mark.parametrize(
    ("values", "path", "remedy"),
    [
        ({"partitions": ["part / --size=1"]}, "partitions", "agama: {storage"),
        ({"packages": ["-vim"]}, "packages[0]", "leaves patterns out"),
        ({"packages": ["a b"]}, "packages[0]", "no package or pattern"),
        ({"version": "leap15"}, "version", "no release of agama"),
        ({"lang": "C.UTF-8"}, "lang", "en_US.UTF-8"),
        ({"lang": "de_DE@euro"}, "lang", "en_US.UTF-8"),
        ({"method": "ftp"}, "method", "http alone"),
        ({"mirror": True}, "mirror", "one address only"),
        ({"network": {"vlan": 7}}, "network.interface", "required"),
        ({"network": {"members": ["a", "b"], "bond_options": "mode=9"}}, "network.bond_options", "no mode"),
        ({"kernel_args": ["inst.auto=x"]}, "kernel_args[0]", "Twinboot itself"),
        ({"agama": ["x"]}, "agama", "mapping of sections"),
        ({"agama": {"sofware": {}}}, "agama.sofware", "did you mean 'software'?"),
        ({"agama": {"storage": []}}, "agama.storage", "must be a mapping"),
        ({"agama": {"files": {}}}, "agama.files", "must be a list"),
        ({"disks": "largest", "agama": {"storage": {"drives": [{"search": "/dev/sda"}]}}}, "disks", "disk-1"),
        ({"disks": "sdb", "agama": {"legacyAutoyastStorage": [{"device": "/dev/sda"}]}}, "disks", "disk-1"),
    ],
)
def test_what_agama_cannot_do_is_told(values: dict[str, Any], path: str, remedy: str) -> None:
    [(where, told)] = refused(**values)
    assert where == path
    assert remedy in told


def test_words_of_ones_own_are_merged() -> None:
    root = {"filesystem": {"path": "/"}, "size": "9 GiB"}
    drives = [{"search": "/dev/twinboot/disk-1", "partitions": [root]}]
    found = of(disks="largest", agama={
        "product": {"id": "Leap_16.0"}, "software": {"onlyRequired": True}, "storage": {"drives": drives},
        "root": {"sshPublicKey": None}, "scripts": {"pre": [{"name": "mine.sh", "content": "#!/bin/sh\n"}]},
    })  # fmt: skip
    assert found["product"] == {"id": "Leap_16.0"}
    assert found["software"] == {"packages": ["openssh"], "onlyRequired": True}
    assert found["storage"] == {"drives": drives}
    assert found["root"] == {"password": "*", "hashedPassword": True, "sshPublicKey": None}
    assert names(found, "pre") == ["twinboot-ask.sh", "twinboot-disks.sh", "mine.sh"]
    other = {"l10n": {"locale": "cs_CZ.UTF-8"}, "legacyAutoyastStorage": [{"use": "all"}]}
    alone = {"hosts": {"plain": document("agama")["hosts"]["plain"]}}
    found = profile_of(rendered(suse(alone, agama=other)), "plain")
    assert found.keys().isdisjoint({"localization", "storage"}), "Agama takes one of both"


def template_faults(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    (tmp_path / "agama").mkdir(exist_ok=True)
    (tmp_path / "agama/own.json.j2").write_text(text)
    plan = SitePlan(suse(template="own.json.j2"))
    found = answer_faults(plan, Templates((tmp_path, *TEMPLATES)))
    return sorted({(one.path, f"{one.value} {one.remedy.partition(' (for')[0]}".lstrip()) for one in found})


def test_a_template_of_ones_own_must_be_json_and_stop_known_machines(tmp_path: Path) -> None:
    where = "templates/agama/own.json.j2"
    good = '{"scripts": {{ sections.scripts }},\n"storage": {{ sections.storage }}, "x": {{ "<é" | tojson }}}'
    assert template_faults(tmp_path, good) == []
    [(path, told)] = template_faults(tmp_path, '{"a": 1,\n  b}')
    assert path == where
    assert "line 2, column 3" in told
    assert template_faults(tmp_path, "[]") == [(where, "must be an object: { ... }")]
    asked, known = template_faults(tmp_path, "{}")
    assert "twinboot-ask.sh" in asked[1], "hosts"
    assert "twinboot-known.sh" in known[1], "all others"
    assert len(template_faults(tmp_path, '{"storage": {{ sections.storage }}}')) == 3


@pytest.mark.long
def test_three_thousand_hosts_take_seconds() -> None:
    changed = copy.deepcopy(document("agama"))
    changed["subnets"] = [{"network": "10.20.0.0/16", "router": "10.20.0.1", "profile": "leap"}]
    changed["hosts"] = {
        f"n{at}": {
            "mac": f"52:54:00:00:{at >> 8:02x}:{at & 255:02x}",
            "address": f"10.20.{1 + at // 250}.{1 + at % 250}",
        } for at in range(3000)
    }  # fmt: skip
    start = time.process_time()
    assert len(rendered(parse(changed)).pub) > 6000
    assert time.process_time() - start < 30

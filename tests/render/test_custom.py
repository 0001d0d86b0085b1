"""The kind for what no other kind knows: kernels, initrds, arguments and files are an operator's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rendering import SECRETS, TEMPLATES, document, rendered
from twinboot.planning.boot_facts import Architecture, BootFacts, LoaderFiles
from twinboot.planning.plan import SitePlan
from twinboot.render import Rendered
from twinboot.render.disk_checks import check_files
from twinboot.render.machine_view import views
from twinboot.site import Site, SiteError, parse

TEMPLATE = "colour={{ vars.colour }} of {{ title }}\n{{ mac }} {{ url }} {{ answers }} {{ address }}\n"
SHIM = LoaderFiles("loaders/x64/shimx64.efi", "loaders/x64/grubx64.efi", "grubx64.efi")


@pytest.fixture
def templates(tmp_path: Path) -> tuple[Path, ...]:
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom/settings.ini.j2").write_text(TEMPLATE)
    return (tmp_path, *TEMPLATES)


def site(profile: str = "appliance", host: dict[str, Any] | None = None, **values: Any) -> Site:
    """The example with some values of a profile, and of host one, replaced; None: left out."""
    changed = document("custom")
    changed["profiles"][profile] |= values
    changed["profiles"][profile] = {k: v for k, v in changed["profiles"][profile].items() if v is not None}
    changed["hosts"]["one"] |= host or {}
    return parse(changed)


def files(of: Site, templates: tuple[Path, ...]) -> Rendered:
    return rendered(of, templates=templates, boot=BootFacts(image={Architecture.X64: SHIM}))


def test_placeholders_are_filled_for_every_loader(templates: tuple[Path, ...]) -> None:
    found = files(site(), templates).pub
    words = (
        "ip=192.168.0.129::install.example.lan", "hwaddr=52:54:00:00:01:29",
        "config=http://install.example.lan/answers/custom/one/etc/settings.ini",
        "root=live:http://install.example.lan/trees/appliance/2.1/root.squashfs", "literal={x}",
        "name=one.example.lan",
    )  # fmt: skip
    pxelinux = found["tftp/pxelinux.cfg/host.one"]
    assert f"APPEND {' '.join(words)}\n" in pxelinux
    assert "INITRD trees/appliance/2.1/boot/root.cpio,trees/appliance/2.1/boot/firmware.cpio\n" in pxelinux
    grub = next(text for path, text in found.items() if path.endswith("/host.one.cfg"))
    assert all(f"'{word}'" in grub for word in words)
    assert " ".join(words) in found["tftp/machines/host.one.ipxe"]


def test_files_are_made_of_templates_for_each_machine(templates: tuple[Path, ...]) -> None:
    found = files(site(), templates).pub
    text = found["answers/custom/one/etc/settings.ini"]
    url = "http://install.example.lan"
    assert text.splitlines() == [
        "colour=blue of host one", f"52:54:00:00:01:29 {url} {url}/answers/custom/one 192.168.0.129"
    ]
    assert found["answers/custom/one/hello"] == text
    assert found["answers/custom/appliance/hello"].startswith("colour=blue of profile appliance\nNone ")
    assert not [path for path in found if "memtest" in path and path.startswith("answers/")]
    of = site()
    shown = dict(views(SitePlan(of), files(of, templates)))
    assert shown["one"].files["answers/custom/one/hello"] == text


def test_a_kernel_alone_is_booted(templates: tuple[Path, ...]) -> None:
    found = files(site(), templates).pub
    pxelinux = found["tftp/pxelinux.cfg/host.two"]
    # KERNEL would take this name for that of a boot sector
    assert "  LINUX trees/memtest/memtest86+x64.bin\n  APPEND \n" in pxelinux
    assert "INITRD" not in pxelinux
    grub = next(text for path, text in found.items() if path.endswith("/host.two.cfg"))
    assert "if initrd" not in grub
    ipxe = found["tftp/machines/host.two.ipxe"]
    assert "kernel /trees/memtest/memtest86+x64.bin  BOOTIF=01-${netX/mac:hexhyp} && boot ||" in ipxe


def test_answers_with_secrets_go_to_their_own_machine(templates: tuple[Path, ...]) -> None:
    (templates[0] / "custom/settings.ini.j2").write_text("{{ rootpw }}\n{{ setup }}")
    found = files(site(rootpw_file="secrets/root.hash", method="ftp"), templates).pub
    hashed = SECRETS["secrets/root.hash"].strip()
    assert found["private/192.168.0.129/answers/custom/one/hello"].startswith(hashed)
    assert "answers/custom/one/hello" not in found
    assert "config=http://install.example.lan/" in found["tftp/pxelinux.cfg/host.one"]
    assert "root=live:ftp://install.example.lan/" in found["tftp/pxelinux.cfg/host.one"]


def test_a_missing_template_and_an_undeclared_variable_are_told(
    templates: tuple[Path, ...], tmp_path: Path
) -> None:
    of = site(custom={"files": {"a": "nothing.j2"}})
    missing = check_files(of, tmp_path, templates)
    told = [one for one in missing if one.path == "templates/custom/nothing.j2"]
    assert "used by profiles.appliance.custom.files.a" in told[0].remedy
    undeclared = check_files(site(vars=None), tmp_path, templates)
    assert "templates/custom/settings.ini.j2:1" in [one.path for one in undeclared]


@pytest.mark.parametrize(
    ("profile", "values", "path", "remedy"),
    [
        ("appliance", {"kernel_args": ["a={adress}"]}, "kernel_args[0]", "did you mean 'address'"),
        ("appliance", {"kernel_args": ["a={}"]}, "kernel_args[0]", "no placeholder"),
        ("appliance", {"kernel_args": ["x", "a={"]}, "kernel_args[1]", "write {{"),
        ("appliance", {"kernel_args": ["a=}"]}, "kernel_args[0]", "write }}"),
        ("memtest", {"kernel_args": ["a={mac}"]}, "kernel_args[0]", "without an entry"),
        ("memtest", {"kernel_args": ["x", "a={answers}/b"]}, "kernel_args[1]", "there are none"),
        ("memtest", {"packages": ["vim"]}, "packages", "makes nothing of it"),
        ("memtest", {"post": "ls\n"}, "post", "makes nothing of it"),
        ("memtest", {"disks": "sda"}, "disks", "makes nothing of it"),
        ("memtest", {"template": "x.j2"}, "template", "custom: {files"),
        ("memtest", {"mirror": True}, "mirror", "custom takes one address only"),
        ("memtest", {"version": "RHEL9"}, "version", "remove it"),
        ("memtest", {"custom": {"file": {}}}, "custom.file", "unknown key"),
        ("memtest", {"custom": []}, "custom", "mapping"),
        ("memtest", {"custom": {"files": ["a"]}}, "custom.files", "mapping of paths"),
        ("memtest", {"custom": {"files": {"../a": "a.j2"}}}, "custom.files", "plain relative path"),
        ("memtest", {"custom": {"files": {"a": "../a.j2"}}}, "custom.files.a", "template's name"),
        ("memtest", {"custom": {"files": {"a": "a.j2", "a/b": "a.j2"}}}, "custom.files", "folder of another"),
    ],
)
def test_what_means_nothing_is_told(profile: str, values: dict[str, Any], path: str, remedy: str) -> None:
    with pytest.raises(SiteError) as caught:
        site(profile, **values)
    assert [one.path for one in caught.value.faults] == [f"profiles.{profile}.{path}"]
    assert remedy in caught.value.faults[0].remedy


def test_a_hosts_own_is_checked_as_well() -> None:
    for host, path in (
        ({"kernel_args": ["x={hots}"]}, "kernel_args[0]"),
        ({"profile": "memtest", "disks": "sdb", "kernel_args": []}, "disks"),
    ):
        with pytest.raises(SiteError) as caught:
            site(host=host)
        assert [one.path for one in caught.value.faults] == [f"hosts.one.{path}"]
    assert parse(document("custom")) == parse(json.loads(site().to_json()))

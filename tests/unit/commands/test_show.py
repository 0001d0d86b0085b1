"""`twinboot show MACHINE`: what it gets, and its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from bootfacts import FACTS
from rendering import EXAMPLES, SECRETS, TEMPLATES, site
from twinboot.commands import show
from twinboot.commands.changing import machine_diff
from twinboot.loaders.decision import known_firmwares
from twinboot.planning.plan import SitePlan
from twinboot.render import render
from twinboot.render.machine_view import MachineView, views
from twinboot.site import Site


def shown(of: Site, name: str) -> tuple[str, MachineView]:
    plan = SitePlan(of, boot=FACTS)
    published = render(of, next(iter(of.servers)), templates=TEMPLATES, secrets=SECRETS, boot=FACTS).pub
    title, _, view = show.found(plan, name, published)
    return title, view


def test_every_firmware_has_its_row() -> None:
    title, view = shown(site(), "cli129")
    names = [one.name for one in known_firmwares()]
    assert list(view.boot) == names
    assert view.boot["BIOS"] == "pxelinux.0 (pxelinux)"
    assert view.boot["UEFI x64 by HTTP"] == "http://192.168.0.253/boot/loaders/rh9/BOOTX64.EFI (grub)"
    assert view.boot["UEFI arm64"].startswith("nothing: the kernel of tree rh9 is for x64")
    lines = list(show.lines(title, view, "server1"))
    assert "  arguments  inst.ks=ftp://192.168.0.253/ks/cli129.ks" in lines
    assert "  boots from 192.168.0.253, group first (its address: odd); now server1" in lines


@pytest.mark.parametrize("name", ["cli128", "52:54:00:00:01:28", "52-54-00-00-01-28", "192.168.0.128"])
def test_a_host_is_found_by_all_that_it_is_known_by(name: str) -> None:
    title, view = shown(site(), name)
    assert title == "cli128"
    assert view.facts["address"] == "192.168.0.128"


def test_an_address_of_a_range_shows_what_unknown_machines_get() -> None:
    title, view = shown(site(), "192.168.0.168")
    assert title == "unknown machine that gets 192.168.0.168"
    assert list(view.files) == ["ks/rh9-second.ks"]


def test_a_file_is_named_whole_or_by_its_end_and_under_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    title, view = shown(site(), "cli128")
    whole = show.file_of(view, title, "/ks/cli128.ks")
    assert whole == view.files["ks/cli128.ks"]
    assert "APPEND" in show.file_of(view, title, "C0A80080")
    assert show.file_of(view, title, "host.cli128.ipxe").startswith("#!ipxe")
    for name, what in (("nothing", "no such file"), ("cli128.ks", "several files end so")):
        with pytest.raises(SystemExit) as ended:
            show.file_of(view, title, name)
        assert ended.value.code == 2
        assert f"{name}: {what}; it has" in capsys.readouterr().err


def test_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    for name, told in (
        ("cli12", "did you mean 'cli12"), ("192.168.0.9", "no host has this address, and it is in no range"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            shown(site(), name)
        assert ended.value.code == 2
        assert told in capsys.readouterr().err


def test_the_command_reads_the_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site.yaml").write_text((EXAMPLES / "parity.yaml").read_text())
    monkeypatch.setenv("TWINBOOT_TEMPLATES", str(TEMPLATES[0]))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/root.hash").write_text(SECRETS["secrets/root.hash"])
    place = {"site": tmp_path / "site.yaml", "trees": tmp_path, "etc": tmp_path}
    show.show("cli129", **place)
    assert "; now " not in capsys.readouterr().out, "no agent runs here"
    show.show("cli129", file="ks/cli129.ks", **place)
    assert capsys.readouterr().out.startswith("# Kickstart of host cli129.")


def views_of(of: Site) -> dict[str, MachineView]:
    made = render(of, next(iter(of.servers)), templates=TEMPLATES, secrets=SECRETS, boot=FACTS)
    return dict(views(SitePlan(of, boot=FACTS), made))


def test_machines_that_change_alike_stand_together() -> None:
    old = site()
    profiles = {**old.model_dump(mode="json")["profiles"]}
    profiles["rh9"] = {**profiles["rh9"], "kernel_args": ["quiet"], "packages": ["@core", "vim"]}
    hosts = old.model_dump(mode="json")["hosts"]
    hosts["new"] = {"mac": "52:54:00:00:09:01", "address": "192.168.0.77"}
    gone = hosts.pop("cli128")
    assert gone
    new = site(profiles=profiles, hosts=hosts)
    lines = list(machine_diff.lines(views_of(old), views_of(new)))
    at = lines.index("  cli129:")
    assert "    arguments  +1 -0" in lines[at:]
    assert "    ks/HOST.ks  +2 -1" in lines[at:]
    assert lines[lines.index("  cli128:") + 1] == "    is no longer known"
    assert lines[lines.index("  new:") + 1] == "    is new"
    together = next(line for line in lines if "unknown machines" in line)
    assert together == "  unknown machines (rh9-second), unknown machines (rh9-first):"
    full = list(machine_diff.full_lines("cli129", views_of(old)["cli129"], views_of(new)["cli129"]))
    assert "+vim" in full
    assert "+quiet" in full
    assert not list(machine_diff.lines(views_of(old), views_of(old)))

"""The same menu by every loader: what it starts, what it says, its console, and how words are kept whole."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
from bootfacts import FACTS
from rendering import GOOD, rendered, site, with_profile
from twinboot.loaders.decision import loaders_in_use
from twinboot.loaders.grub.text import quoted
from twinboot.loaders.ipxe.kind import shown
from twinboot.loaders.menu import TRIES
from twinboot.machines import inventory
from twinboot.site import SiteError
from twinboot.site.model.site import Site

HOST = "cli128"
ODD = ("ds=nocloud;s=http://x/$y/", "a=${b", "x=*?[a]{b}", "rd.x=~!@%^&()<>|`", "#c=d;e")


def files(of: Site) -> dict[str, str]:
    return dict(rendered(of, boot=FACTS).pub)


def host_files(of: Site) -> tuple[str, str, str]:
    """Of PXELINUX, GRUB and iPXE."""
    pub = files(of)
    return (pub[f"tftp/pxelinux.cfg/host.{HOST}"], pub[f"tftp/machines/host.{HOST}.cfg"],
            pub[f"tftp/machines/host.{HOST}.ipxe"])  # fmt: skip


def arguments(pxelinux: str, grub: str, ipxe: str) -> list[list[str]]:
    """The kernel's arguments, as each loader reads them; without those that it adds itself."""
    (append,) = re.findall(r"^  APPEND (.*)$", pxelinux, re.M)
    (linux,) = re.findall(r'^ +if linux "\$place/\S+" (.*) BOOTIF="\$bootif"; then$', grub, re.M)
    (kernel,) = re.findall(r"^kernel \S+ initrd=initrd.img (.*) BOOTIF=\S+ && initrd", ipxe, re.M)
    return [append.split(), shlex.split(linux), kernel.split()]


def with_host(**values: Any) -> Site:
    return site(hosts={HOST: {**GOOD["hosts"][HOST], **values}})


def test_all_start_the_same_kernel_with_the_same_arguments() -> None:
    texts = host_files(with_host(kernel_args=["quiet", "x.y=1"]))
    found = arguments(*texts)
    assert found[0] == found[1] == found[2]
    assert found[0][-2:] == ["quiet", "x.y=1"]
    for text in texts:
        assert "trees/rh9/images/pxeboot/vmlinuz" in text
        assert "trees/rh9/images/pxeboot/initrd.img" in text
        assert re.search(r"\blocal\b", text)


def test_odd_words_come_whole_out_of_grub() -> None:
    words = [one for one in ODD if not one.startswith("#") and "${" not in one]
    found = arguments(*host_files(with_host(kernel_args=words)))
    assert found[1][-len(words):] == words == found[0][-len(words):]


@pytest.mark.parametrize("word", [*ODD, "it's", "'", "''", "a b", "$x;y", 'say "x"', "\\", "ü"])
def test_quoted_for_grub(word: str) -> None:
    """Single quotes of GRUB are those of the shell."""
    assert shlex.split(quoted(word)) == [word]


@pytest.mark.parametrize(
    "argument",
    ["a=${net0/mac}", "#x", "||", "&&", "initrd=x", "BOOTIF=x", "a b", "a'b", 'a"b', "ü=1", "a\\b"],
)
@pytest.mark.parametrize("where", ["profile", "host"])
def test_an_argument_that_a_loader_cannot_write_is_one_fault(where: str, argument: str) -> None:
    with pytest.raises(SiteError) as raised:
        with_profile(kernel_args=[argument]) if where == "profile" else with_host(kernel_args=[argument])
    [fault] = raised.value.faults
    assert fault.path.endswith("kernel_args[0]")
    assert fault.value == argument


def test_a_command_line_of_1800_bytes_is_one_fault() -> None:
    for make in (with_profile, with_host):
        with pytest.raises(SiteError) as raised:
            make(kernel_args=["x" * 900, "y" * 899])
        [fault] = raised.value.faults
        assert "1800 characters" in fault.remedy
    half = {**GOOD["profiles"]["rh9"], "kernel_args": ["x" * 1100]}
    with pytest.raises(SiteError) as raised:
        site(profiles={"rh9": half}, hosts={HOST: {**GOOD["hosts"][HOST], "kernel_args": ["y" * 200]}})
    assert [one.path for one in raised.value.faults] == [f"hosts.{HOST}.kernel_args"]


def test_what_has_no_room_with_the_installer_s_own_arguments_is_not_rendered() -> None:
    long = site(
        domain=".".join(["d" * 60] * 3), balancing={"mode": "dns"},
        trees={"rh9": {"path": "/".join(["t" * 48] * 2)}}, profiles={"rh9": {**GOOD["profiles"]["rh9"],
        "kernel_args": ["x" * 1190]}},
    )  # fmt: skip
    with pytest.raises(SiteError) as raised:
        rendered(long)
    assert {one.path for one in raised.value.faults} >= {f"hosts.{HOST}.kernel_args"}


CONSOLE = {"device": "ttyS1", "speed": 57600}


@pytest.mark.parametrize("where", ["site", "profile", "host"])
def test_the_serial_console_of_all_loaders_and_the_kernel(where: str) -> None:
    of = {"site": lambda: site(console=CONSOLE), "profile": lambda: with_profile(console=CONSOLE),
          "host": lambda: with_host(console=CONSOLE)}[where]()  # fmt: skip
    pxelinux, grub, ipxe = host_files(of)
    directives = [line for line in pxelinux.splitlines() if not line.startswith("#")]
    assert directives[0] == "SERIAL 1 57600", "it must be the first one"
    assert "serial --unit=1 --speed=57600\n" in grub
    for words in arguments(pxelinux, grub, ipxe):
        assert words[-2:] == ["console=tty0", "console=ttyS1,57600n8"]


def test_the_nearest_console_counts_and_one_in_the_arguments_is_left_alone() -> None:
    of = site(console=CONSOLE, hosts={HOST: {**GOOD["hosts"][HOST], "console": {"device": "ttyAMA0"}}})
    pxelinux, grub, ipxe = host_files(of)
    assert "SERIAL" not in pxelinux
    assert "serial" not in grub, "loaders know no port of this name"
    assert arguments(pxelinux, grub, ipxe)[0][-1] == "console=ttyAMA0,115200n8"
    own = with_host(console=CONSOLE, kernel_args=["console=hvc0"])
    assert [one for one in arguments(*host_files(own))[2] if "console=" in one] == ["console=hvc0"]


def test_message_prompt_and_timeout() -> None:
    of = with_profile(message="Don't $panic; ${x} || #now && \"go\"\nsecond", timeout_s=7.4)
    pub = files(of)
    _, grub, ipxe = host_files(of)
    said = [shlex.split(line)[1] for line in grub.splitlines() if line.startswith("echo ")]
    assert said[:2] == ["Don't $panic; ${x} || #now && \"go\"", "second"]
    assert "set timeout=7\n" in grub
    assert "choose --timeout 7400 --default install" in ipxe
    assert not re.search(r"\$\{x\}|\|\| #| #now && ", ipxe)
    quiet = with_profile(prompt=False)
    _, grub, ipxe = host_files(quiet)
    assert "set timeout=0\n" in grub
    assert "choose" not in ipxe
    assert pub["tftp/rh9.msg"].startswith("Don't")


@pytest.mark.parametrize("text", ["a || b", "x && y", "# all", "${net0/mac}", "-- a", ""])
def test_a_message_for_ipxe_ends_no_command(text: str) -> None:
    words = f"echo {shown(text)}".split()
    assert not {"||", "&&"} & set(words)
    assert "${" not in shown(text)
    assert not any(word.startswith("#") for word in words)


def test_names_by_which_grub_and_ipxe_ask() -> None:
    pub = files(with_host(mac=["52:54:00:00:01:28", "52:54:00:00:01:30"]))
    for name in (f"host.{HOST}", "52:54:00:00:01:28", "52:54:00:00:01:30", "192.168.0.128"):
        assert pub[f"tftp/machines/{name}.cfg"] == pub[f"tftp/machines/host.{HOST}.cfg"]
    for name in (f"host.{HOST}", "52-54-00-00-01-28", "52-54-00-00-01-30", "192.168.0.128"):
        assert pub[f"tftp/machines/{name}.ipxe"] == pub[f"tftp/machines/host.{HOST}.ipxe"]


def test_grub_finds_the_same_start_wherever_it_looks() -> None:
    pub = files(site())
    start = pub["tftp/grub/grub.cfg"]
    for place in ("grub/x86_64-efi", "debian-installer/amd64/grub", "debian-installer/arm64/grub/arm64-efi",
                  "EFI/BOOT", "loaders/rh9", "loaders/-image"):  # fmt: skip
        assert pub[f"tftp/{place}/grub.cfg"] == start
    assert "twinboot_disk" in start
    assert str(TRIES) in start


def test_what_is_published_beside_the_configuration() -> None:
    copies = rendered(site(), boot=FACTS).copies
    assert copies["tftp/loaders/rh9/BOOTX64.EFI"] == "trees/rh9/EFI/BOOT/BOOTX64.EFI"
    assert copies["tftp/loaders/rh9/grubx64.efi"] == "trees/rh9/EFI/BOOT/grubx64.efi"
    assert copies["tftp/loaders/-image/grubaa64.efi"] == "loaders/arm64/grubaa64.efi"
    assert copies["tftp/loaders/undionly.kpxe"] == "loaders/undionly.kpxe"


def test_programs_of_others_are_not_published_as_ipxe_s() -> None:
    facts = replace(FACTS, programs=FACTS.programs | {"toy.efi"})
    assert rendered(site(), boot=facts).copies == rendered(site(), boot=FACTS).copies


@pytest.mark.parametrize(("unknown", "word"), [("disk", "twinboot_disk"), ("wait", "until ")])
def test_unknown_machines_wait_or_start_from_their_disk(unknown: str, word: str) -> None:
    subnets = [{**GOOD["subnets"][0], "unknown": unknown, "profile": None}]
    pub = files(site(subnets=subnets))
    assert word in pub["tftp/machines/192.168.0.160.cfg"]
    assert "linux " not in pub["tftp/machines/192.168.0.160.cfg"]
    script = pub["tftp/machines/192.168.0.160.ipxe"]
    assert "kernel /" not in script
    asked = next(line for line in script.splitlines() if "/report/inventory" in line)
    assert asked.endswith(" ||"), "its answer is nothing to wait for"
    assert inventory.is_inventory(asked.split()[3])
    assert all("/report/" not in text for path, text in pub.items() if path.endswith(f"host.{HOST}.ipxe"))
    menu = pub.get("tftp/pxelinux.cfg/C0A800A0", pub["tftp/pxelinux.cfg/default"])
    assert "trees/" not in menu
    assert ("DEFAULT local" in menu) is (unknown == "disk")
    assert "trees/" in pub[f"tftp/pxelinux.cfg/host.{HOST}"], "a known one installs"


def test_a_host_that_is_not_to_be_installed_starts_from_its_disk_by_every_loader() -> None:
    pub = files(site())
    texts = {path.removeprefix("ways/local/"): text for path, text in pub.items() if path.startswith("ways/")}
    assert texts.keys() >= {"pxelinux", "grub", "ipxe"}
    assert texts.keys() <= {one.name for one in loaders_in_use(site())}
    for name, word in (("pxelinux", "LOCALBOOT 0"), ("grub", "twinboot_disk"), ("ipxe", "sanboot ")):
        assert word in texts[name]
    for text in texts.values():
        assert "trees/" not in text
        assert "is not to be installed" in text
    assert "ways/local/lpxelinux" in files(site(boot={"bios": "lpxelinux"}))


def test_grub_and_ipxe_look_for_the_same_loaders_on_the_disks_of_a_uefi_machine() -> None:
    pub = files(site())
    by_ipxe = re.findall(r"--filename \\EFI\\(\S+) \|\|$", pub["tftp/on-disk.ipxe"], re.M)
    (by_grub,) = re.findall(r"for file in (.*) ; do", pub["tftp/grub/grub.cfg"])
    assert [one.replace("\\", "/").replace("${cpu}", "x64") for one in by_ipxe] == \
        by_grub.replace("$twinboot_cpu", "x64").split()
    assert "debian/shimx64.efi" in by_grub.replace("$twinboot_cpu", "x64")
    for script in ("start.ipxe", f"machines/host.{HOST}.ipxe"):
        sought = re.findall(r"^iseq \$\{platform\} efi && chain (\S+) \|\|$", pub[f"tftp/{script}"], re.M)
        assert sought == ["/boot/on-disk.ipxe"], "a BIOS has no such loaders"


def test_lpxelinux_takes_kernel_and_initrd_by_http_from_the_machine_s_group() -> None:
    pub = files(site(boot={"bios": "lpxelinux"}))
    assert "KERNEL http://192.168.0.254/trees/" in pub[f"tftp/pxelinux.cfg/host.{HOST}"]
    assert "INITRD http://192.168.0.253/trees/" in pub["tftp/pxelinux.cfg/host.cli129"]
    plain = files(site())
    assert "KERNEL trees/" in plain[f"tftp/pxelinux.cfg/host.{HOST}"]

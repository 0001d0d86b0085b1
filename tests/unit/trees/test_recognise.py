"""Which media are recognised, as what; and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import medialayouts as layouts
import pytest
from twinboot.installers.media import MediaOptions, Medium, Recognised
from twinboot.kinds import INSTALLERS, MEDIA
from twinboot.trees.media.folder import Folder
from twinboot.trees.media.opening import Joined, NotRecognisedError, recognise, wanted_files


def known(layout: layouts.Layout, label: str = "", fold: Callable[[str], str] = str) -> Recognised:
    return recognise(layouts.Image(layout, label, fold), MediaOptions())  # type: ignore[arg-type]


RECOGNISED: list[tuple[layouts.Layout, tuple[str, ...]]] = [
    (layouts.alma9(), ("kickstart", "RHEL9", "x86_64", "almalinux-9-4", "images/pxeboot/vmlinuz")),
    (layouts.alma9("aarch64"), ("kickstart", "RHEL9", "aarch64", "almalinux-9-4", "images/pxeboot/vmlinuz")),
    (layouts.fedora41(), ("kickstart", "F41", "x86_64", "fedora-41", "images/pxeboot/vmlinuz")),
    (layouts.fedora_netinst(), ("kickstart", "F41", "x86_64", "fedora-41", "images/pxeboot/vmlinuz")),
    ({**layouts.fedora_netinst(), ".discinfo": "1.5\n9.4\naarch64\n"},
     ("kickstart", "RHEL9", "aarch64", "enterprise-9-4", "images/pxeboot/vmlinuz")),
    (layouts.rhel5(), ("kickstart", "RHEL5", "x86_64", "rhel-5-10", "images/pxeboot/vmlinuz")),
    (layouts.debian13(), ("preseed", "debian13", "x86_64", "debian-13", "install.amd/vmlinuz")),
    (layouts.debian13("arm64"), ("preseed", "debian13", "aarch64", "debian-13", "install.a64/vmlinuz")),
    (layouts.debian13_netboot(), ("preseed", "debian13", "x86_64", "debian-13",
     "debian-installer/amd64/linux")),
    (layouts.ubuntu(), ("autoinstall", "ubuntu24.04", "x86_64", "ubuntu-24-04", "casper/vmlinuz")),
    (layouts.ubuntu("20.04.6"), ("autoinstall", "ubuntu20.04", "x86_64", "ubuntu-20-04", "casper/vmlinuz")),
    (layouts.ubuntu(arch="arm64"), ("autoinstall", "ubuntu24.04", "aarch64", "ubuntu-24-04",
     "casper/vmlinuz")),
    (layouts.leap15(), ("autoyast", "leap15", "x86_64", "leap-15-6", "boot/x86_64/loader/linux")),
    (layouts.sles15(), ("autoyast", "sles15", "x86_64", "sles-15-5", "boot/x86_64/loader/linux")),
    (layouts.sles15("aarch64"), ("autoyast", "sles15", "aarch64", "sles-15-5", "boot/aarch64/linux")),
    (layouts.sles16(), ("agama", "sles16", "x86_64", "sles-16-0", "boot/x86_64/loader/linux")),
    (layouts.sles16("Install openSUSE Leap 16.0"), ("agama", "leap16.0", "x86_64", "leap-16-0",
     "boot/x86_64/loader/linux")),
    (layouts.sles16("Install openSUSE Leap 16.1"), ("agama", "leap16", "x86_64", "leap-16-1",
     "boot/x86_64/loader/linux")),
]  # fmt: skip


def test_media_of_every_kind_are_recognised() -> None:
    rows = {expected[0] for _, expected in RECOGNISED}
    for kind in MEDIA.all():
        wish = layouts.WISHES.get(kind.name, MediaOptions())
        found = recognise(layouts.Image(layouts.of_kind(kind.name)), wish)  # type: ignore[arg-type]
        assert found.kind == kind.name
        assert a_profile_may_say(found)
        assert kind.name in rows or kind.name in layouts.WISHES, f"add media of {kind.name} to RECOGNISED"


@pytest.mark.parametrize(("layout", "expected"), RECOGNISED)
def test_media_are_recognised(layout: layouts.Layout, expected: tuple[str, ...]) -> None:
    found = known(layout)
    assert (found.kind, found.release, found.architecture, found.name, found.kernel) == expected
    assert len(found.initrds) == 1
    assert a_profile_may_say(found)


@pytest.mark.parametrize(("label", "distribution"), [
    ("Install-SLES-16.0-x86_64", "SUSE Linux Enterprise 16.0"), ("Install-Leap-16.0-x86_64",
     "openSUSE Leap 16.0"),
    ("Install-SUSE-SLE-16-x86_64", "SUSE Linux Enterprise 16"), ("agama-installer", "SUSE's Agama"),
])  # fmt: skip
def test_the_label_of_a_live_medium_names_its_product(label: str, distribution: str) -> None:
    assert known(layouts.sles16(""), label).distribution == distribution


def test_a_netboot_archive_without_version_info_says_its_release_on_its_first_screen() -> None:
    layout = {path: text for path, text in layouts.debian13_netboot().items() if path != "version.info"}
    text = "This is a Debian 13 (trixie) installation netboot image.\nIt was built on 20250803.\n"
    screen = {"debian-installer/amd64/boot-screens/f1.txt": text}
    assert known(layout | screen).release == "debian13"


def test_names_in_any_case_are_found_and_told_as_they_are() -> None:
    found = known(layouts.alma9(), fold=str.upper)  # nothing but plain ISO 9660 has names all in capitals
    assert (found.kind, found.kernel) == ("kickstart", "images/pxeboot/vmlinuz")
    mixed = {
        ("IMAGES/PXEBOOT/VMLINUZ" if "vmlinuz" in path else path): text
        for path, text in layouts.alma9().items()
    }
    assert known(mixed).kernel == "IMAGES/PXEBOOT/VMLINUZ"


@pytest.mark.parametrize(("layout", "words"), [
    ({"README.TXT": "hello", "setup.exe": "MZ"}, ["kickstart: .treeinfo", "preseed: .disk/info",
     "README.TXT"]),
    (layouts.alma9("ppc64le"), ["AlmaLinux 9.4", "ppc64le", "x86_64"]),
    (layouts.debian13("i386"), ["Debian 13", "i386"]),
    (layouts.ubuntu(arch="riscv64"), ["Ubuntu 24.04", "riscv64"]),
    (layouts.sles15("s390x"), ["SUSE Linux Enterprise 15", "s390x"]),
    (layouts.ubuntu("18.04.6"), ["Ubuntu 18.04", "20.04, 22.04, 24.04, 26.04"]),
    ({**layouts.alma9(), ".treeinfo": layouts.alma9()[".treeinfo"].replace("9.4", "11.0")}, ["AlmaLinux 11",
     "5 to 10"]),
    ({path: text for path, text in layouts.alma9().items() if "vmlinuz" not in path},
     ["images/pxeboot/vmlinuz"]),
    ({path: text for path, text in layouts.alma9().items() if "install.img" not in path},
     ["images/install.img"]),
    ({path: text for path, text in layouts.debian13().items() if "dists" not in path}, ["without dists/"]),
    ({path: text for path, text in layouts.ubuntu().items() if path != "casper/initrd"}, ["casper/initrd"]),
    ({**layouts.debian13(), ".disk/info": 'Debian GNU/Linux 10.13.0 "Buster" - Official amd64 DVD Binary-1'},
     ["Debian 10", "11, 12, 13"]),
    ({**layouts.leap15(), "media.1/media": "openSUSE - openSUSE-42.3-DVD-x86_64\n", "media.1/products": ""},
     ["42.3"]),
    ({"debian-installer/arm64/linux": "kernel"}, ["netboot archive", "arm64", "version.info"]),
    ({**layouts.alma9(), ".treeinfo": "no = section\n"}, [".treeinfo cannot be read"]),
])  # fmt: skip
def test_what_cannot_be_used_says_why(layout: layouts.Layout, words: list[str]) -> None:
    with pytest.raises(NotRecognisedError) as told:
        known(layout)
    for word in words:
        assert word in str(told.value)


def test_the_iso_of_ubuntu_is_kept_whole_and_a_folder_of_it_is_refused(tmp_path: Path) -> None:
    image = layouts.Image(layouts.ubuntu())
    found = recognise(image, MediaOptions())  # type: ignore[arg-type]
    assert found.whole_as == "medium.iso"
    wanted = wanted_files(image, found)  # type: ignore[arg-type]
    assert {"casper/vmlinuz", "casper/initrd", "EFI/boot/bootx64.efi"} <= wanted
    assert "casper/ubuntu-server-minimal.squashfs" not in wanted
    with pytest.raises(NotRecognisedError, match="ISO file"):
        recognise(Folder(layouts.write(layouts.ubuntu(), tmp_path)), MediaOptions())


def test_media_without_what_an_install_needs_say_so(tmp_path: Path) -> None:
    assert any("netboot" in note for note in known(layouts.debian13()).notes)
    assert any("base system alone" in note for note in known(layouts.debian13(medium="NETINST")).notes)
    assert any("no packages" in note for note in known(layouts.fedora_netinst()).notes)
    assert any("no packages" in note for note in known(layouts.debian13_netboot()).notes)
    assert any("leap16.0" in note for note in known(layouts.sles16("Install openSUSE Leap")).notes)
    assert (
        known(layouts.alma9()).notes == known(layouts.leap15()).notes == known(layouts.sles16()).notes == ()
    )


def test_a_netboot_archive_laid_over_a_medium_boots_it(tmp_path: Path) -> None:
    dvd = Folder(layouts.write(layouts.debian13(), tmp_path / "dvd"))
    netboot = Folder(layouts.write(layouts.debian13_netboot(), tmp_path / "netboot"))
    found = recognise(Joined(dvd, netboot), MediaOptions())
    assert (found.kernel, found.initrds) == (
        "debian-installer/amd64/linux",
        ("debian-installer/amd64/initrd.gz",),
    )
    assert found.notes == ()


def test_an_operator_names_kernel_and_initrds_of_any_medium() -> None:
    medium = layouts.Image({"boot/memtest": "kernel", "a b/one": "1", "two": "2"}, "MEMTEST86+")
    found = recognise(medium, MediaOptions("/boot/memtest", ("a b/one", "two")))  # type: ignore[arg-type]
    assert (found.kind, found.kernel, found.initrds, found.name) == (
        "custom",
        "boot/memtest",
        ("a b/one", "two"),
        "memtest86",
    )
    assert a_profile_may_say(found), "a kind without releases"
    with pytest.raises(NotRecognisedError, match="no file nowhere"):
        recognise(medium, MediaOptions("nowhere"))  # type: ignore[arg-type]


def a_profile_may_say(found: Recognised) -> bool:
    """The release, or of a kind without releases nothing."""
    return found.release in (INSTALLERS.get(found.kind).releases or ("",))


class Toy:
    """A kind from outside."""

    name, looks_for = "toy", "toy.txt"

    def recognise(self, medium: Medium, wish: MediaOptions) -> Recognised | None:
        return Recognised(
            kind="toy", distribution=medium.text("toy.txt"), release="1", architecture="x86_64", name="toy",
            kernel="k", initrds=(),
        ) if medium.find("toy.txt") else None  # fmt: skip


def test_a_seventh_kind_is_one_value_in_the_registry() -> None:
    layout = {"toy.txt": "Toy Linux", "k": "kernel"}
    with MEDIA.registered(Toy()):
        assert known(layout).distribution == "Toy Linux"
        with pytest.raises(NotRecognisedError, match=r"toy: toy\.txt"):
            known({"nothing": ""})
    with pytest.raises(NotRecognisedError):
        known(layout)


def test_names_on_a_medium_cannot_speak_to_the_terminal() -> None:
    with pytest.raises(NotRecognisedError) as told:
        known({"\x1b[2J": "", "\udcff": ""})
    assert "\x1b" not in str(told.value)
    str(told.value).encode()

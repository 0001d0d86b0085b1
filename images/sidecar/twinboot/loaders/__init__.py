"""Boot loader kinds, one folder each: what firmware loads, and what then loads kernel and initrd.

A new kind is a new folder here whose `__init__` registers a BootLoader with kinds.LOADERS, its templates
below config/templates, and its program in the tftp or the sidecar image (BOOT.md, "A new boot loader").

base        The interface of a boot loader kind
decision    The one decision: what a machine says, and what it installs -> its boot loader, or nothing and why
firmware    What machines say of themselves in their DHCP requests, and which firmware that is
grub/       The kind `grub`: shim and GRUB, for machines with UEFI
ipxe/       The kind `ipxe`: iPXE, of a machine's own ROM or loaded by us
lpxelinux/  The kind `lpxelinux`: PXELINUX with kernel and initrd by HTTP, where the site chooses it
machines    A configuration file for each machine, by every name by which a loader asks for it
menu        What every boot loader shows and starts: the message above the prompt, and the two entries
            install and local
on_disk     The loaders of installed systems, as they lie on an EFI system partition
pe          Portable executables, the form of EFI programs and kernels: what they are made for, whether they
            are whole, and who signed them
publishing  What the boot loaders of a site publish together: every path once
pxelinux/   The kind `pxelinux`: PXELINUX, for machines with BIOS firmware
refusals    Why nothing is offered to a machine, as the sidecar keeps it
secure_boot Whom Secure Boot asks for, one after the other: firmware for shim, shim for GRUB and kernel
trees       Which boot loaders an install tree has, whether they are whole, and what its kernel is made for
"""

"""Boot loader kinds, one folder each: what firmware loads, and what then loads kernel and initrd.

A new kind is a new folder here whose `__init__` registers a BootLoader with kinds.LOADERS, its templates
below config/templates, and its binary in the tftp image.

base       The interface of a boot loader kind
menu       What every boot loader shows and starts: the message above the prompt, and the two entries
           install and local
pxelinux/  The kind `pxelinux`: PXELINUX, for machines with BIOS firmware
"""

"""Boot loader kinds, one folder each: what firmware loads, and what then loads kernel and initrd.

base       the interface of a kind
menu       what every loader shows and starts: message, prompt, kernel, initrd, arguments
pxelinux/  PXELINUX, for machines with BIOS firmware

A new kind is a new folder here whose `__init__` registers a BootLoader with kinds.LOADERS, its templates
below config/templates, and its binary in the tftp image.
"""

"""Installer kinds, one folder each: what reads the answers of a profile.

A new kind is a new folder here whose `__init__` registers an Installer with kinds.INSTALLERS, and its
templates below config/templates/NAME.

base         The base of an installer kind
disk_choice  Finds the disks of a machine whose names are not known: a script for the installer's shell
known        Stops the install of a known machine as an unknown one: a script that answers for unknown ones
             begin with
new_system   What a profile says of the new system itself, as one script for all installer kinds
kickstart/   The kind `kickstart`: Anaconda of RHEL 5 to 10 and its rebuilds, and of Fedora
preseed/     The kind `preseed`: debian-installer of Debian 11, 12 and 13
"""

"""Installer kinds, one folder each: what reads the answers of a profile.

A new kind is a new folder here whose `__init__` registers an Installer with kinds.INSTALLERS and a MediaKind
with kinds.MEDIA, and its templates below config/templates/NAME.

agama/          The kind `agama`: SLES and openSUSE Leap 16
alike           Sections of answer files that come again: most hosts of a profile have the same
autoinstall/    The kind `autoinstall`: Ubuntu's Subiquity
autoyast/       The kind `autoyast`: SLES and openSUSE Leap 15
base            The base of an installer kind
custom/         The kind `custom`: a kernel and initrds that an operator names
disk_choice     Finds the disks of a machine whose names are not known: a script for the installer's shell
dracut_network  Network arguments of installers whose initrd is made with dracut
here_document   Here-documents of scripts that hold a text of an operator's: a word to end them with
holding         Holds an install for ever, where the installer goes on after a script that has failed
kickstart/      The kind `kickstart`: Anaconda of RHEL 5 to 10 and its rebuilds, and of Fedora
known           Stops the install of a known machine as an unknown one: a script that answers for unknown
                ones begin with
media           What an installer kind says of a medium
merging         Merges what a profile says in a kind's own words into what is made of its settings
new_system      What a profile says of the new system itself, as one script for all installer kinds
reporting       Asks the install servers before a disk is erased, and tells them how the install goes: a
                script
preseed/        The kind `preseed`: debian-installer of Debian 11, 12 and 13
"""

"""Installer kinds, one folder each: what reads the answers of a profile.

A new kind is a new folder here whose `__init__` registers an Installer with kinds.INSTALLERS, and its
templates below config/templates/NAME.

base        The interface of an installer kind
kickstart/  The kind `kickstart`: Anaconda of RHEL 5 to 10 and its rebuilds, and of Fedora
"""

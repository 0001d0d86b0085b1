"""The site as typed values: one class for each mapping of the site file.

api       The page and the API: who may read, the tokens of those who may act, HTTPS; webhooks
base      The base of the site's models: what all of them have in common
boot      How machines boot: the boot loader where there is a choice, the console, and what unknown machines
          do
fields    Types of single values in a site file: addresses, names, paths, text that goes into other files
hardware  What machines are known by: hardware addresses, SMBIOS UUIDs, DHCP client identifiers
install   The machines' part of the site file: trees, profiles and the machines themselves
links     A server's end of a heartbeat link: over a network (udp) or over a cable of its own (serial)
people    Who may log in to an installed system, and what scripts and templates are told beside
power     How machines are switched on and off: their BMCs
servers   The servers' part of the site file: who they are, how they talk, and what they hold
site      The site as typed values
storage   What an installer may write to, and lines that are its own: disks, partitioning commands, packages
wiring    How a machine is wired to the network that it installs over, when one card with DHCP is not all
          of it
"""

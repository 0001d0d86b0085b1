"""Machines come into the site file, change in it and leave it: by command, or from a table.

These commands run in the sidecar's container, where the site file cannot be written: they leave a proposal,
which scripts/hosts.sh shows, has written by another container, and applies.

command   The options of `twinboot enroll`, `unenroll` and `hosts`
enrolling What `enroll` and `unenroll` change, or why they do not
lan       What only the agent and the LAN know: machines that have asked, leases, addresses that answer
merging   What a table of machines changes, or every fault of it
proposal  The text to change, what others have changed in it, and the changed one for whoever writes it
rows      A table of machines as CSV or JSON, read and written; every fault with its line
"""

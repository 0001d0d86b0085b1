"""Machines come into the site file, change in it and leave it: by command, or from a table.

These commands run in the sidecar's container, where the site file cannot be written: they leave a proposal,
which scripts/hosts.sh shows, has written by another container, and applies. What changes is worked out by
twinboot.enrolment.

command   The options of `twinboot enroll`, `unenroll` and `hosts`
lan       What only the agent and the LAN know: machines that have asked, leases, addresses that answer
proposal  The text to change, what others have changed in it, and the changed one for whoever writes it
"""

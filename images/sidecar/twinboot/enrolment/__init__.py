"""Machines come into a site and leave it: which entries change, or every reason why none does. Pure.

What only the LAN and the DHCP server know is handed in. `twinboot enroll`, `unenroll` and `hosts`, the API
and the page work out their changes here.

change    A change of the site file: what is put in and taken out, and the lines that show it
enrolling What `enroll` and `unenroll` change, or why they do not
merging   What a table of machines changes, or every fault of it
rows      A table of machines as CSV or JSON, read and written; every fault with its line
"""

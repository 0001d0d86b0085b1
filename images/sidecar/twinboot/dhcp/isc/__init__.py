"""The kind `isc`: ISC dhcpd 4.4.

conf        Values of dhcpd.conf: shares of dynamic addresses, host groups, boot loaders by firmware
lease_file  dhcpd's lease file, and beside it the journal of what the whole cluster knows of leases
lease_text  The lease file of ISC dhcpd: text <-> declarations, as far as others must know them
"""

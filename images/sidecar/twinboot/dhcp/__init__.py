"""DHCP engines, one folder a kind, and DHCP leases in a form that is no engine's.

isc/  The kind `isc`: ISC dhcpd 4.4
"""

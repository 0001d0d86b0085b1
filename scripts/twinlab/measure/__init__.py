"""What a client sees of a fault, measured: who answered when, how long nobody did, whether two did.

events   The sidecars' logs of all servers as one stream of events, on one clock
lan_recorder  A recorder on the LAN: who holds each address, what a client gets, how many DHCP servers
         answer
matrix   The fault matrix: what is broken in each row, who should hold what afterwards, and what a client
         saw
meter    Bytes that a machine is sent, by server and over time, seen in its own network namespace
prober   Who holds an address, asked of the LAN fifty times a second; and what that shows afterwards
resets   Which RSTs in a capture somebody could have noticed
"""

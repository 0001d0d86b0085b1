"""How well this server and its peers can serve: daemons, the LAN, hold-down, the health penalty.

daemon    Health of one daemon on this server: what its probes show, and when it is restarted
holddown  Hold-down: a server that loses its health repeatedly must stay healthy longer each time
intake    Applies the reports of probes and monitors: LAN health, daemon health, repair, isolation,
          hold-down
lan       Health of this server's connection to the clients' LAN
managed   One managed service (today: dhcpd) on this server: observed and wanted state, and the command
          under way
penalty   The health penalty of each server, as far as this one knows: queries on the state
readiness What a server lacks to take over, and what a planned move to it would leave unserved
"""

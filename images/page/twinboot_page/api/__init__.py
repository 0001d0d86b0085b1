"""The routes below /api/v1: what can be read, and what can be told.

audit    Who did what on the server that answers
deeds    Orders for machines, planned moves
events   What changes, as server-sent events
reading  Servers, groups, moves, machines, trees, alarms: everything that changes nothing
site     The site file: the one in use, what another would change, and to apply it
"""

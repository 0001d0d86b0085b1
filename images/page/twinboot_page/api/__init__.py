"""The routes below /api/v1: what can be read, and what can be told.

actions  Orders for machines, planned moves
audit    Who did what on the server that answers
events   What changes, as server-sent events
hosts    Machines come into the site file and leave it, by name or as a table
logs     What a machine's installer has said
reading  Servers, groups, moves, machines, trees, alarms: everything that changes nothing
site     The site file: the one in use, what another would change, to apply it, and who applied which when
"""

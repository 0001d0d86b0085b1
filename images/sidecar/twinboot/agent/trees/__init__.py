"""The sidecar's end of tree_sync: what the servers tell each other of their trees, and what is shown of it.

client     Asks the process: a question a second, in which it gets all news and says all of its own
tree_sync  Told to the peers, heard of them, handed on; alarms, and files to be rendered anew
view       Pure: what is known of all servers' trees, as words, bars and news for the process
"""

"""The engine proxy to the Docker engine: a container of its own, the only one that has the engine's socket.

A sidecar that was broken into can start, stop, restart and look at the daemons of its own stack, and
nothing else: the engine proxy passes nothing through, it reads a word and a name and calls the engine itself.

containers   the Docker engine, for the containers of one compose project
serve        the socket in front of it, and what keeps a hostile sidecar from harm
"""

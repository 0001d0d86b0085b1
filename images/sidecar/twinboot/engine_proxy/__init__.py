"""The engine proxy to the Docker engine: a container of its own, the only one that has the engine's socket.

A sidecar that was broken into can start, stop, restart and look at the daemons of its own stack, restart
takeover, start render, make a removed container of these again and try the configuration of a managed daemon,
and nothing else: the engine proxy passes nothing through, it reads a word and a name and calls the engine
itself. What it creates is a container that Compose made before, exactly as the engine itself described it.

containers  The Docker engine, for the containers of this stack only: state, start, stop, restart, create, try
remembered  What the containers of this stack were made from, as the engine described them
serve       The engine proxy's socket: one connection, one line, one reply; a few threads that each serve
            one at a time
"""

"""The running sidecar: the core in the middle, the adapters around it, one loop and a few threads.

settings   what one server's agent must know of the site
worker     a thread for calls that may take long
vips       the thread of the virtual addresses
services   the thread of the Docker engine
health     probes the services as clients would
lan        carrier, reception and address conflicts; lan_sense judges
monitors   puts these together
reload     notices a new generation of rendered files
alarms     asks every part what is wrong, keeps since when, logs begin and end
intake     the checks before the core: bytes of a link -> a heartbeat, or a count
loop       event -> step -> effects -> arm one timer
control    the socket that `twinboot status` and the others talk to
start      puts it all together and runs it
"""

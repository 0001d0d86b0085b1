"""The process that fetches trees from the other servers and reads its own again: disk, HTTP, the socket.

carrying  Carries out the jobs: what comes from other servers becomes a published tree
checks    Reads the trees again, now and then and slowly, and says what is not as it was imported
http      A file of another server, by HTTP, from any byte on
own_trees Which trees are on the disk, read anew where something changed
process   What the threads share, and the threads
refusals  Why a job came to nothing
serve     The socket by which the sidecar asks
start     `twinboot tree-sync`
"""

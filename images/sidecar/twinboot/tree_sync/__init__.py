"""Install trees are the same on all servers: each fetches what it lacks from one that has it.

logic/  What is fetched next, from whom, and what becomes of it. Pure
host/   The process that does it: disk, HTTP, the socket to the sidecar
"""

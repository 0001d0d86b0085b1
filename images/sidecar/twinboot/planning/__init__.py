"""What each machine of a site gets, decided before anything is rendered. Pure.

limits  How many connections a server must bear: those of all machines of the site, when it is the only one
        left
plan    Assigns each machine of a site its group, its server (address or name), and its answer file
"""

"""Downloads by programs that others wrote, through faults: which of them notice; and storms of installs.

atrandom      Power-offs at random moments, while real programs fetch hundreds of files, each as fast as it
              can
clientmatrix  The client matrix: every program under every fault, all at once, and what became of each
clienttable   The client matrix as a table: a row for each client, a column for each fault
fetching      Client programs that fetch at the same time, each in a container of its own, and what became
              of each
installstorm  A storm of whole installs: hundreds of machines, servers with links of a known width, and a
              power-off
middleboxes   Machines whose way to the servers is filtered: behind NAT, or with a strict packet filter of
              their own
programs      The programs that installers fetch with, each as it is called by them, and what each must have
              in the end
randomtable   What power-offs at random moments did to each program, as a table
sharestorm    Machines of unequal size, all switched on at once: how each way of balancing shares them
sweeps        The programs that installers fetch with, fetching hundreds of files: as each goes from one to
              the next
"""

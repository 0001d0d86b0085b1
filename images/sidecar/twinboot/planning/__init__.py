"""What each machine of a site gets, decided before anything is rendered. Pure.

boot_facts  What was found of boot loaders and kernels on the disk: values alone
free_addresses The next free address for a new machine, of the right subnet and group
limits      How many connections a server must bear: those of all machines of the site, when it is the only
            one left
page_names By which names and addresses browsers may ask for the page
plan        Assigns each machine of a site its group, its server (address or name), and its answer file
tree_files  Where kernel and initrds of an install tree are
"""

"""Cross-checks between the valid items of a site, and warnings about settings that are better avoided.

advice          Warnings, in the form of faults: settings that are valid but better avoided
arguments       Kernel arguments of profiles and hosts: none that Twinboot writes itself, and no more than
                there is room for
consistency     Cross-checks between the valid items of a site: references, names, groups, timers
dns             Extra records of the zone: values that BIND would refuse, names that are taken, targets that
                are not there; and zones of others: who is asked for them, and that none is the site's own
hosts           Machines of a site: each known by what no other has, and by a name that nothing else takes
network         Addresses of a site: each in a subnet where it belongs, none used twice, none in a dynamic
                range
page            Ports that are a site's own choice, and the tokens of its page and API: each its own
power           BMCs of hosts: each has all that is needed to talk to it, and is one machine's alone
serial          Serial links of a site: two ends that agree, a port of its own for each, and a line that is
                fast enough
shared_networks Subnets and how their machines' requests come to dhcpd: on a server's own network, or through
                relay agents
webhooks        Names that are there once, a secret or the word that there is none, profiles that there are
"""

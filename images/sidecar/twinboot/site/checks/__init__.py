"""How the sound items of a site must fit together, and what it may say but should not.

advice       What a site file may say but should not: warnings, in the form of faults
consistency  How the sound items of a site must fit together: references, names, groups, timers, what is not
             built yet
dns          Extra records of the zone: values that BIND would refuse, names that are taken, targets that
             are not there
network      Addresses of a site: each in a subnet where it belongs, none used twice, none in a dynamic
             range
serial       Serial links of a site: two ends that agree, a port of its own for each, and a line that is
             fast enough
"""

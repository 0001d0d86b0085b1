"""What is asked of a BMC and what comes of it, as values. Pure.

kind     A way to talk to BMCs, as a registered value; what an open one can do, and how it fails
pace     When the next machine may be switched on
talk     The lines on the process's socket
targets  The BMC of each host: the rendered file `sidecar/power.json`
"""

"""The sidecar's end of power: machines are restarted in an order that their disks and a rack survive.

asked  What `twinboot power` and `install --now` ask for: values for the control socket
client One question to the process, and its answer, within a time
jobs   Actions at many machines: a few at once, one after the other, each looked at before it is done
"""

"""What stands on this machine: engine, images, a lab's networks, servers, clients and virtual machines.

booting  A virtual machine on its way to a kernel, as its console and its network card show it
build    Making and removing a lab's networks and containers
client   Clients on the lab's LAN: throw-away containers and longer-lived ones
engine   The outer Docker engine, by its command line
images   The images a lab needs: building what is missing, and one store of the service images
labsite  The site a lab runs: an example of the repository, with small changes made through YAML
layout   Names and addresses of one lab
netboot  Debian's own netboot archive as an install tree: real shim, GRUB and kernel
server   One server of a lab, from outside: commands in it, its view of the site, its bytes on the wire
shell    Shells that stay: one beside the host's network, one on each server
testlab  What tells this checkout's labs and images from those of another checkout on the same machine
vm       Virtual machines that boot from the lab's LAN
wait     Waiting for a condition instead of for time
"""

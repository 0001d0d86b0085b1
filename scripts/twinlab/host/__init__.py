"""What stands on this machine: engine, images, a lab's networks, servers, clients and virtual machines."""

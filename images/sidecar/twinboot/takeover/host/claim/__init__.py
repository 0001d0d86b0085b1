"""What is done with connections when an address comes here or leaves.

claim  Takes over the connections of one address that has just been claimed: probe, plan, rebuild, serve
moves  What this server does with connections when an address is claimed or released here
"""

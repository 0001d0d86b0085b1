"""The ways to talk to a BMC: each is a folder that registers itself in twinboot.kinds.POWER.

ipmi/     IPMI 2.0 over the LAN, by the program ipmitool
redfish/  Redfish over HTTPS, by the library sushy
"""

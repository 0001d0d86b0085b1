"""A site file's text becomes a Site, or every fault of it at once.

draft       A faulty site file as far as it can be read: pydantic's errors of the whole, and every valid
            item
load        Reads a site file: YAML (or JSON) text -> Site, or every fault of it at once
renamed     Renamed settings: a site file that uses an old name gets a fault that tells the new one
yaml_fault  YAML syntax errors, translated into a cause and a remedy
"""

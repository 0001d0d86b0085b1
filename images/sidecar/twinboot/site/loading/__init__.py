"""A site file's text becomes a Site, or every fault of it at once.

load        YAML or JSON text to a document, and the way through the others
yaml_fault  why a text is not YAML
draft       the shape of a document: its faults, and the items that are sound
renamed     settings that were called otherwise before
"""

"""A site file's text becomes a Site, or every fault of it at once.

draft       A site file read as far as it goes: pydantic's error list of the whole, and every item that is
            sound
load        Reads a site file: YAML (or JSON) text -> Site, or every fault of it at once
renamed     Settings that were called otherwise before: whoever comes with an old site file is told the new
            name
yaml_fault  Why a text is not YAML, in words that say what to do
"""

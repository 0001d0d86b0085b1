"""TCP on the wire: seq (32-bit arithmetic), segment (parse and build), reassembly (bounded)."""

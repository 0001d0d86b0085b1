"""What stands in a configuration of GRUB: quoting. Pure.

Source: GRUB's manual, "Writing full configuration files directly" (quoting).
"""

from __future__ import annotations


def quoted(text: str) -> str:
    """One word that GRUB takes as it is: within single quotes nothing has a meaning but their end."""
    return "'" + text.replace("'", "'\\''") + "'"

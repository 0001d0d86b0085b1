"""kickstart."""

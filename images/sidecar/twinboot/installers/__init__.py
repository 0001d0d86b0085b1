"""installers."""

"""Stage 2 of the installer stand-in: what Anaconda does after its boot, kept to what a test needs."""

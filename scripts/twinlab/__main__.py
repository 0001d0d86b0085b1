"""`python -m twinlab`: see cli.py."""

from twinlab.cli import main

main()

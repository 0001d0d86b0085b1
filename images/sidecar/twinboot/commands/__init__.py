"""What the commands of `twinboot` do; cli.py names them and their options."""

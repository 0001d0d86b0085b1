#!/bin/sh
# The command `twinboot` of the image. -I: neither the environment nor the working directory adds modules.
exec /usr/bin/python3 -I -m twinboot.cli "$@"

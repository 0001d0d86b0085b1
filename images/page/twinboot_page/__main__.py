"""python3 -m twinboot_page serve | health."""

import sys

from . import serve

sys.exit(serve.main(sys.argv[1:]))

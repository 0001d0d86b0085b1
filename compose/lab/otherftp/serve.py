#!/usr/bin/env python3
"""pyftpdlib at vsftpd's place: anonymous, read-only, the same tree and ports, other words."""

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

authorizer = DummyAuthorizer()
authorizer.add_anonymous("/srv/install")
FTPHandler.authorizer = authorizer
FTPHandler.passive_ports = range(22768, 32768)
FTPServer(("0.0.0.0", 21), FTPHandler).serve_forever()

"""Where things are inside the sidecar's container. See images/README.md for the mounts."""

from __future__ import annotations

from pathlib import Path

CONFIG = Path("/config")
SITE_FILE = CONFIG / "site.yaml"
HEARTBEAT_KEY = CONFIG / "secrets" / "heartbeat.key"
TEMPLATES = Path("/usr/share/twinboot/templates")
ETC = Path("/etc/twinboot")
CURRENT = ETC / "current"
RENDERED_SITE = CURRENT / "sidecar" / "site.json"
BOOT_REFUSALS = CURRENT / "sidecar" / "boot.json"
MACHINES = CURRENT / "sidecar" / "machines.json"
POWER_TARGETS = CURRENT / "sidecar" / "power.json"
"""The BMC of each host (power/logic/targets.py); not there when no host has one."""
PUB = Path("/srv/pub")
STEER = PUB / "steer"
"""The links that say which boot file each host gets (render/steering.py)."""
REPORT_SOCKET = Path("/run/reports/report.sock")
"""Where the HTTP service hands on what installers report."""
TREES = Path("/srv/trees")
LEASES = Path("/var/lib/dhcp")
"""The folder of the DHCP engine's lease file and of the journal."""
PAGE_SOCKET = Path("/run/page-ipc/sidecar.sock")
"""Where the service `page` asks; in a folder of its own, which lets in its user alone."""
CONTROL_SOCKET = Path("/run/twinboot/control.sock")
HOST_DEV = Path("/host/dev")
"""The server's /dev; only there when the site file gives this server a serial link."""
STATE = Path("/var/lib/twinboot")
MACHINE_LOGS = STATE / "logs"
"""What installers have said, as this server has heard it."""
SITE_RECORD = STATE / "site.json"
"""The site that all servers have agreed on, as this one keeps it; there from the first start on."""
TAKEOVER_SOCKET = Path("/run/takeover/takeover.sock")
TAKEOVER_HEALTH_SOCKET = Path("/run/takeover/health.sock")
INSTALL = Path("/srv/install")
"""The takeover process's view of what the FTP and HTTP servers publish; the same as in their images."""
TFTP = Path("/srv/tftp")
"""The takeover process's view of what the TFTP service publishes, but for the boot loaders of its image."""
LOADERS = Path("/srv/loaders")
"""These: the TFTP image puts copies there when it starts."""
ENGINE_PROXY_SOCKET = Path("/run/engine-proxy/engine-proxy.sock")
TREE_SYNC_SOCKET = Path("/run/tree-sync/tree-sync.sock")
POWER_SOCKET = Path("/run/power/power.sock")

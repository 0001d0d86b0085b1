"""Every kind of alarm, one entry each. How to add one: see the package's docstring."""

from __future__ import annotations

from .registry import AlarmKind, critical, no_alert, register, warning

# Servers and links ----------------------------------------------------------------------------------

SERVER_SILENT = register(AlarmKind(
    "server-silent", "SERVER", "no heartbeat of it comes by any link",
    "power, sidecar and cables of that server; a firewall must let UDP port 694 pass",
    critical("1m"),
))
SERVER_LEFT = register(AlarmKind(
    "server-left", "SERVER", "its sidecar has said that it stops",
    "start it again when the work on that server is done",
    no_alert("an operator has stopped it"),
))
SITE_DIFFERS = register(AlarmKind(
    "site-differs", "SERVER",
    "that server works by another site file than this one: the parts that differ are in the text. Nothing is "
    "given back to it, and of two holders the higher own address yields, until they are the same",
    "`scripts/twinboot diff` shows what; `scripts/twinboot apply` on the server whose site is the right one",
    warning("5m"),
))
CLOCK_DIFFERS = register(AlarmKind(
    "clock-differs", "SERVER",
    "that server's time of day is more than a minute from this one's. No address moves for that, but leases "
    "end by the time of day: where the clock is ahead, leases that still run count as expired",
    "set the clocks (chrony, systemd-timesyncd) on both servers",
    warning("5m"),
))
SITE_EDITED = register(AlarmKind(
    "site-edited", "SERVER",
    "`config/site.yaml` on this server is not the site that is in use, nor an earlier one; what is in it has "
    "no effect",
    "`scripts/twinboot apply` shows what would change, and changes it on all servers; "
    "`scripts/twinboot site > config/site.yaml` takes the edit back",
    no_alert("an operator is at it"),
    of_release=False,
))
SITE_NOT_IN_USE = register(AlarmKind(
    "site-not-in-use", "SERVER",
    "a site was applied, and this server still works by the one before: the reason is in the text",
    "the text; `scripts/twinboot apply --status` shows every server",
    warning("10m"),
))
SERVER_UNKNOWN = register(AlarmKind(
    "server-unknown", "SERVER",
    "a server speaks for this cluster with its key, but this server's site file does not name it",
    "`scripts/twinboot apply` on the server whose site is the right one; or stop that server",
    warning("5m"),
))
LINK_LATE = register(AlarmKind(
    "link-late", "SERVER/LINK",
    "nothing has come by this link for `warntime_s`, while another link is heard",
    "if it lasts or comes again: the cable, and the load of both servers",
    no_alert("it ends by itself, or becomes `link-down`"),
))
LINK_DOWN = register(AlarmKind(
    "link-down", "SERVER/LINK",
    "nothing has come by this link for `deadtime_s`, while another link is heard",
    "the cable, the interface, a firewall; for a serial line also speed and a console on the port",
    warning("5m"),
))
LINK_NOT_OPEN = register(AlarmKind(
    "link-not-open", "LINK", "this server cannot use its own end of the link: the reason is in the text",
    "`scripts/twinboot check` looks at the port or address",
    warning("10m"),
))
UNHEARD = register(AlarmKind(
    "not-heard", "SERVER",
    "this server hears it, but it does not hear this server, and would take what this one holds; with this "
    "server's own name: none of the others hears it",
    "a firewall that lets UDP port 694 pass one way only, on either of the two; the cable or transceiver",
    critical("1m"),
))

# The LAN --------------------------------------------------------------------------------------------

LAN_NO_CARRIER = register(AlarmKind(
    "lan-no-carrier", "SERVER", "its LAN interface has no carrier", "cable, switch port, interface",
    critical("1m"),
))
LAN_RX_DEAD = register(AlarmKind(
    "lan-rx-dead", "SERVER",
    "its LAN interface has a carrier, but no other host is heard (rx-dead), or none answers ARP (tx-dead)",
    "cable and switch; a switch that filters ARP; name the `router` under `subnets`",
    critical("2m"),
))
LAN_UNANSWERED = register(AlarmKind(
    "lan-unanswered", "SERVER",
    "its kernel does not answer ARP requests, though its frames pass: clients cannot reach it. Told by the "
    "servers that ask it, and by itself, when it has handed its groups over for that",
    "on that server: `nft list ruleset` (family arp), `arptables -L`, `net.ipv4.conf.*.arp_ignore`; both "
    "ways unanswered: the LAN between the two is cut",
    critical("1m"),
))
LAN_NO_ROUTE = register(AlarmKind(
    "lan-no-route", "SERVER",
    "it has no route to the clients' network, and it could not be put back: nobody on the LAN is answered",
    "the text; does the server have its own address on the LAN interface (`ip addr`, `ip route`)?",
    critical("1m"),
    lack="network",
))
ARP_IGNORED = register(AlarmKind(
    "arp-ignored", "SERVER", "its kernel does not answer ARP for virtual addresses, so nobody can reach them",
    "set the setting in the text to 1, in `/etc/sysctl.d/` too",
    critical("1m"),
    lack="network",
))
ISOLATED = register(AlarmKind(
    "isolated", "SERVER", "no carrier, and no peer is heard: nothing is held there",
    "network of that server; it takes part again by itself",
    critical("1m"),
))
FOREIGN_DHCP_SERVER = register(AlarmKind(
    "foreign-dhcp-server", "ADDRESS",
    "a DHCP server that is none of this site was heard on the LAN in the last 3 minutes",
    "end it or keep it off this LAN: machines may take its answer",
    critical(),
))
SERVED_ELSEWHERE = register(AlarmKind(
    "dhcp-served-elsewhere", "GROUP",
    "a DHCP server of this cluster answers with another address than this group's. dhcpd does not start here "
    "meanwhile; of two that run it, the one with the higher address ends",
    "bring the same `config/site.yaml` to all servers; then the heartbeat links",
    critical("30s"),
))
RANGE_EXHAUSTED = register(AlarmKind(
    "range-exhausted", "RANGE",
    "every address of a dynamic range is leased: the next unknown machine gets none",
    "a longer `range`, a shorter `lease_s`, or entries below `hosts`",
    warning(),
))
LEASE_REFUSED = register(AlarmKind(
    "lease-refused", "MAC", "a machine asks for an address again and again, and takes none",
    "`make logs`, dhcpd's lines with this MAC: it may have no entry below `hosts` while no `range` has room; "
    "a machine that is offered an address and does not take it waits for a boot file",
    no_alert("a device that is nobody's may ask for ever"),
))
NOTHING_TO_BOOT = register(AlarmKind(
    "nothing-to-boot", "MAC",
    "a machine asks for a boot file, and nothing is for it: the reason is in the text",
    "`scripts/twinboot show HOST`: another profile, a tree with a loader and kernel for it, or its "
    "firmware's settings",
    warning("5m"),
))

# Groups and addresses -------------------------------------------------------------------------------

GROUP_HAS_RIVALS = register(AlarmKind(
    "group-has-rivals", "GROUP", "another server says, too, that it holds it",
    "nothing at once: the one later in the order yields; then look at the links",
    critical("30s"),
))
GROUP_WITHOUT_HOLDER = register(AlarmKind(
    "group-without-holder", "GROUP", "no server that is heard says that it holds it",
    "the other alarms, on every server",
    critical("30s"),
))
SPLIT = register(AlarmKind(
    "split", "GROUP", "a server is silent on every link, and its address is still answered",
    "firewall, cables, or a sidecar that does not run there; else a foreign host with that address",
    critical("30s"),
))
ADDRESS_CONFLICT = register(AlarmKind(
    "address-conflict", "GROUP",
    "another host answers for an address that is held here: its MAC is in the text",
    "find that host and give it another address",
    critical(),
))
STALE_ARP_NOT_SERVED = register(AlarmKind(
    "stale-arp-not-served", "SERVER",
    "clients that keep a dead or former holder's MAC address would wait for the end of their ARP entry",
    "what the text names is missing: nftables with netdev tables, `fib` and `fwd` (CONFIG_NFT_FIB_NETDEV, "
    "CONFIG_NFT_FWD_NETDEV)",
    warning("10m"),
    lack="downloads",
))
CLAIM_NOT_PROBED = register(AlarmKind(
    "claim-not-probed", "GROUP", "it cannot be claimed here, for the ARP probe before the claim failed",
    "the reason in the text; the LAN interface",
    warning("5m"),
))
CLAIM_FAILED = register(AlarmKind(
    "claim-failed", "GROUP", "it could not be claimed here",
    "`make logs`: `group-claim-failed` has the reason",
    critical("1m"),
))
DROP_FAILED = register(AlarmKind(
    "drop-failed", "GROUP",
    "its address could not be dropped here: tried again, and the kernel drops it when its lifetime is over",
    "`make logs`: `address-drop-failed` has the reason",
    critical("1m"),
))
HOLD_DOWN = register(AlarmKind(
    "hold-down", "SERVER", "it lost its health several times: groups go back to it later",
    "what was lost (LAN, a daemon, links); it must be steady for the time in the text",
    no_alert("it ends by itself"),
))

# Services and the machine ---------------------------------------------------------------------------

SERVICE_FAILING = register(AlarmKind(
    "service-failing", "SERVER/SERVICE", "a client on that server was not served",
    "nothing at first: it is restarted; then `make logs`, and a firewall on 127.0.0.1",
    no_alert("it ends by itself, or becomes `service-broken`"),
))
SERVICE_BROKEN = register(AlarmKind(
    "service-broken", "SERVER/SERVICE", "a client on that server was not served, and a restart did not help",
    "`make logs` of that server",
    critical("1m"),
))
NOT_READY = register(AlarmKind(
    "not-ready", "SERVER/SERVICE",
    "the service could not be started there, or would not serve: the next power-off of another server would "
    "end it. Such a server is passed by where there is another, and nothing is moved there as planned",
    "the command in the text, on that server; then `make status` says `yes` under *could take over*",
    warning("5m"),
))
SERVICE_NOT_RUNNING = register(AlarmKind(
    "service-not-running", "SERVER/SERVICE", "it should run there: the reason is in the text",
    "`make logs`: the service says what it does not like",
    critical("2m"),
))
SERVICE_STATE_UNKNOWN = register(AlarmKind(
    "service-state-unknown", "SERVER/SERVICE",
    "it should run there, and the Docker engine does not say if it does",
    "as for `engine-silent`",
    no_alert("it comes with `engine-silent`"),
))
ENGINE_SILENT = register(AlarmKind(
    "engine-silent", "SERVER",
    "the Docker engine does not answer: services cannot be started or stopped there",
    "does `docker ps` answer, does `engine-proxy` run?",
    critical("5m"),
    lack="engine",
))
DISK_FAILING = register(AlarmKind(
    "disk-failing", "SERVER", "writing to its disk is refused or hangs",
    "room and mount of `/var/lib/docker`; `dmesg`",
    critical("1m"),
))
TREE_NOT_SERVED = register(AlarmKind(
    "tree-not-served", "SERVER/TREE",
    "the kernel of an install tree is not there, or its mode keeps clients out: machines that this server "
    "serves cannot install it",
    "`scripts/twinboot check` names what is wrong, and the command; for a medium that was mounted after the "
    "start and is not seen: `docker compose restart` in `compose/`",
    warning("5m"),
    lack="trees",
))
TREE_DIFFERS = register(AlarmKind(
    "tree-differs", "PEER/TREE",
    "an install tree is not the same on that server as here: a machine that is taken over in the middle of a "
    "file of it is reset, and what is installed depends on the server",
    "copy the right one over (`rsync -a --delete`); `scripts/twinboot trees verify TREE` on both names files "
    "that are not as imported",
    warning("1h"),
))
TREE_ALTERED = register(AlarmKind(
    "tree-altered", "SERVER/TREE",
    "files of an install tree are not as they were imported: by their names, sizes or times, or by their "
    "contents when all were read again (`tree_sync.check_days`). No server fetches it from there",
    "`scripts/twinboot trees verify TREE` there names them; import it again with `--replace`, or copy it "
    "from another server with `rsync -a --delete`",
    warning("10m"),
    of_release=False,
))
TREE_NOT_FETCHED = register(AlarmKind(
    "tree-not-fetched", "SERVER/TREE",
    "an install tree that another server has cannot be fetched, or one that was removed everywhere cannot "
    "go: the reason is in the text. What was refused was not published, nothing here is lost",
    "the text: room on the disk; `scripts/twinboot trees verify TREE` on the server that is named; of two "
    "that differ remove the wrong one",
    warning("30m"),
    of_release=False,
))
TREE_SYNC_MISSING = register(AlarmKind(
    "tree-sync-missing", "SERVER",
    "the process that fetches install trees has not answered for a minute: what other servers have or get "
    "does not come here, and files are not read again",
    "`docker logs twinboot-tree-sync-1`; `make up`; or `tree_sync: off` in the site file",
    warning("10m"),
))
LEASES_NOT_KEPT = register(AlarmKind(
    "leases-not-kept", "SERVER", "the file of all servers' leases cannot be read or written there",
    "the reason in the text; the volume `leases`",
    critical("1m"),
    lack="leases",
))

# Downloads that go on -------------------------------------------------------------------------------

TAKEOVER_MISSING = register(AlarmKind(
    "takeover-missing", "SERVER",
    "the takeover process does not run, or has not answered for 3 s: downloads would break with their server",
    "`docker logs twinboot-takeover-1`; `make up` after a change of `takeover` in the site file",
    warning("2m"),
    lack="downloads",
))
TAKEOVER_BLIND = register(AlarmKind(
    "takeover-blind", "SERVER", "connections are neither seen nor carried over",
    "the takeover container lacks what the text names (CAP_NET_RAW)",
    warning("10m"),
    lack="downloads",
))
TAKEOVER_BY_RESET = register(AlarmKind(
    "takeover-by-reset", "SERVER", "connections are reset instead of carried over, so that clients try again",
    "what the text names is missing: TCP_REPAIR (CONFIG_CHECKPOINT_RESTORE), CAP_NET_ADMIN, nftables, or the "
    "dialect of an image (images/README.md)",
    warning("10m"),
))
TAKEOVER_INPUT_NOT_HELD = register(AlarmKind(
    "takeover-input-not-held", "SERVER", "what a client says in the moment of its server's death is lost",
    "the kernel's nftables lacks the part that the text names",
    warning("10m"),
))
TAKEOVER_REFUSES_AT_START = register(AlarmKind(
    "takeover-refuses-at-start", "SERVER", "new connections are refused while a service starts",
    "the kernel's nftables lacks the part that the text names",
    warning("10m"),
))
TAKEOVER_UNTRACKED = register(AlarmKind(
    "takeover-untracked", "SERVER",
    "connections that come here are invalid for this kernel's connection tracking",
    "load the kernel's module nf_conntrack_netlink, or set net.netfilter.nf_conntrack_tcp_loose=1",
    warning("10m"),
))
TAKEOVER_UNSHIELDED = register(AlarmKind(
    "takeover-unshielded", "SERVER",
    "another program takes the nftables table `ip twinboot_takeover` away, and it could not be laid again: "
    "a move now may reset downloads",
    "the text; what runs `nft flush ruleset` or reloads a firewall in a loop there",
    warning("5m"),
    lack="downloads",
))
TAKEOVER_OVERRUN = register(AlarmKind(
    "takeover-overrun", "SERVER",
    "within the last minute segments came faster than the takeover process read them, or there were more "
    "connections than it follows: a move now resets those that it does not know, or knows in part",
    "a flood, a crowd beyond the limits, or a machine that is too busy: "
    "`twinboot_connection_segments_lost_total`, `twinboot_connections_left_out_total`",
    warning("5m"),
))
TAKEOVER_LIMITED = register(AlarmKind(
    "takeover-limited", "SERVER",
    "the takeover process, of another release, names a limit that this one does not know",
    "the text; use images of one release",
    no_alert("servers are being upgraded"),
))

# Machines -------------------------------------------------------------------------------------------

MACHINE_FAILED = register(AlarmKind(
    "machine-failed", "HOST", "its installer has reported an error: its last words are in the text",
    "`scripts/twinboot machine HOST`; then mend it, and `scripts/twinboot install HOST`",
    warning(),
))
MACHINE_STALLED = register(AlarmKind(
    "machine-stalled", "HOST", "its install is under way, and nothing was heard of it for too long",
    "the machine's console; it starts from its disk now, and is installed again after "
    "`scripts/twinboot install HOST`",
    warning(),
))
MACHINES_NOT_KEPT = register(AlarmKind(
    "machines-not-kept", "SERVER",
    "this server cannot keep, or steer, the machines' states: installs are told to wait here",
    "the text; room and health of the disk with Docker's volumes",
    critical("1m"),
))
MACHINES_RESTORED = register(AlarmKind(
    "machines-restored", "SERVER",
    "machines were to be installed when a backup was made, and nobody knows what became of them since: they "
    "start from their disks",
    "`scripts/twinboot install HOST` for those that are to be installed, `scripts/twinboot local HOST` for "
    "the others",
    warning("10m"),
))

# Webhooks and certificates --------------------------------------------------------------------------

WEBHOOK_FAILING = register(AlarmKind(
    "webhook-failing", "WEBHOOK",
    "a server has not delivered an event to this webhook for half a minute: what came of the last attempt is "
    "in the text. The events wait, and another server tries",
    "the text; `scripts/twinboot webhooks test WEBHOOK` tries at once; the receiver, its certificate, the "
    "file of the secret",
    warning("5m"),
))
WEBHOOK_DROPPED = register(AlarmKind(
    "webhook-dropped", "WEBHOOK",
    "too many events waited for this webhook, or for longer than three days: the oldest were dropped, their "
    "number is in the text. The alarm lasts an hour after the last one",
    "as for `webhook-failing`; what was missed is in `scripts/twinboot machines` and `history`",
    warning(),
))
CERTIFICATE_EXPIRES = register(AlarmKind(
    "certificate-expires", "SERVER",
    "the certificate of HTTPS in `config/secrets/tls.crt`, or one that issued it, ends within three weeks",
    "put the new `tls.crt` and `tls.key` there on every server, and `make up`",
    warning(),
))
CERTIFICATE_EXPIRED = register(AlarmKind(
    "certificate-expired", "SERVER",
    "that certificate has ended: browsers and programs refuse the page and the API by HTTPS",
    "put the new `tls.crt` and `tls.key` there on every server, and `make up`; or take both away, and the "
    "servers make one",
    critical(),
))

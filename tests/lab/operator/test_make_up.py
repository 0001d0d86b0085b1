"""`make up` and `make down` as an operator meets them: on one bare server, from a copy of the project.

The server is the lab's machine image with an engine and the service images, and nothing of Twinboot set up.
"""

from __future__ import annotations

import re

import pytest
import yaml
from bareserver import HOME, Bare
from twinboot import daemons
from twinlab.host import wait
from twinlab.host.labsite import dump


@pytest.fixture(scope="module")
def bare(bare_machine: Bare) -> Bare:
    return bare_machine


def test_each_fault_is_named_with_its_remedy_and_nothing_starts(bare: Bare) -> None:
    nameless = bare.up()
    assert nameless.code == 2
    assert "make up SERVER=" in nameless.err

    for name in ("a/b", "x;y"):
        odd = bare.up(f"'{name}'")
        assert odd.code == 2
        assert "cannot be a server's name" in odd.err
        assert "site.yaml is missing" in odd.err, "all faults in one run"

    siteless = bare.up("server1")
    assert siteless.code == 2
    assert "site.yaml is missing" in siteless.err
    assert "config/examples/parity.yaml" in siteless.err

    bare.write("config/site.yaml", bare.site.replace("52:54:00:00:01:28", "52:54:00:zz", 1) + "colour: red\n")
    faulty = bare.up("server1")
    said = faulty.out + faulty.err
    assert faulty.code == 2
    assert "hosts.cli128.mac" in said, said
    assert "colour" in said, said

    bare.write("config/site.yaml", bare.site)
    unknown = bare.up("server7")
    assert unknown.code == 2
    assert "server7" in unknown.out + unknown.err
    assert bare.sh("grep ^TWINBOOT_SERVER= compose/.env").out == "TWINBOOT_SERVER=\n", "a typo is no setting"
    other = bare.up("server2")
    said = other.out + other.err
    assert other.code == 2
    assert bare.site.split("server2:")[1].split("address: ")[1].split("\n")[0] in said, said
    bare.sh("sed -i s,/srv/twinboot/trees,/nowhere, compose/.env")
    bare.sh(". images/versions.env; docker run -d --rm --name taken --network host --entrypoint python3 "
            "twinboot/sidecar:$TWINBOOT_VERSION -m http.server 80")  # fmt: skip
    wait.until(lambda: ":80 " in bare.sh("ss -Hlnt").out, "the port to be taken", timeout_s=20)
    many = bare.up("server2")
    bare.sh("docker rm -f taken; sed -i s,/nowhere,/srv/twinboot/trees, compose/.env")
    said = many.out + many.err
    assert many.code == 2
    assert "trees directory '/nowhere' is missing" in said
    assert said.count("port 80/tcp") == 1, said
    assert "python3 (pid " in said
    assert "eth0 has" in said, "the server's own check ran, too"
    assert bare.services == set()
    assert not bare.sh("test -e config/secrets", check=False).ok, "no key while there are faults"


def test_up_makes_the_key_starts_everything_and_down_stops_it(bare: Bare) -> None:
    _with_site_and_tree(bare)
    bare.sh("chown -R 1000:1000 .")  # an operator's own checkout, not root's
    first = bare.up("server1")
    assert first.code == 0, first.out + first.err
    assert f":{HOME}/config/" in first.out, "where the peers' copies go"
    assert bare.sh("grep ^TWINBOOT_SERVER= compose/.env").out == "TWINBOOT_SERVER=server1\n"
    assert "secrets/heartbeat.key" in first.out + first.err
    assert "server2" in first.out + first.err, "says to which peers the key must go"
    mode = bare.sh("stat -c '%a %s' config/secrets/heartbeat.key").out.split()
    assert mode[0] == "600"
    assert int(mode[1]) >= 32
    key = bare.sh("cat config/secrets/heartbeat.key").out

    services = (*daemons.names(), "engine-proxy", "takeover", "tree-sync", "page", "sidecar", "render")
    assert bare.services == {f"twinboot-{service}-1" for service in services}
    wait.until(
        lambda: bare.sh("scripts/twinboot status --json", check=False).out.count('"held"') == 2,
        "a lone server to hold both groups", timeout_s=30,
    )  # fmt: skip

    before = bare.sh("docker inspect -f '{{.State.StartedAt}}' twinboot-vsftpd-1 twinboot-sidecar-1").out
    again = bare.up()
    assert again.code == 0, again.out + again.err
    after = bare.sh("docker inspect -f '{{.State.StartedAt}}' twinboot-vsftpd-1 twinboot-sidecar-1").out
    assert after == before, "a second `make up` touches nothing that is right"
    assert bare.sh("cat config/secrets/heartbeat.key").out == key

    checked = bare.sh("scripts/twinboot check", check=False)
    assert checked.code == 0, "a healthy running server is ready: " + checked.out + checked.err

    assert "takeover process is missing" not in bare.sh("scripts/twinboot status").out
    refused = bare.sh("scripts/down", check=False)
    assert refused.code == 1
    assert "no other server could take group" in refused.err
    assert "make down FORCE=1" in refused.err
    assert bare.sh("scripts/twinboot status --json").out.count('"held"') == 2, "nothing was stopped"
    down = bare.sh("scripts/down --force")
    assert down.ok
    assert bare.services == set()
    held = bare.sh("ip -4 -o addr show dev eth0").out
    for group in ("253", "254"):
        assert f".{group}/" not in held


@pytest.mark.long
def test_an_edited_file_is_used_when_it_is_applied(bare: Bare) -> None:
    _with_site_and_tree(bare)
    assert bare.up("server1", apply=True).code == 0
    site = yaml.safe_load(bare.site)
    site["heartbeat"]["timers"]["failback_delay_s"] = 6.0  # the sidecar restarts for this file
    bare.write("config/site.yaml", dump(site))
    edited = bare.up(apply=True)
    assert edited.code == 0, edited.out + edited.err
    assert "of rack1: active" in edited.out, edited.out
    bare.write("config/site.yaml", bare.site)
    _an_edited_file_changes_nothing_by_itself(bare)


@pytest.mark.long
def test_serial_link_and_takeover_come_and_go(bare: Bare) -> None:
    """A site with a serial link gives the sidecar the ports; one whose adapter is absent stops nothing.

    One with `takeover: off` has no takeover process.
    """
    _with_site_and_tree(bare)
    assert bare.up("server1", apply=True).code == 0
    site = yaml.safe_load(bare.site)
    for server in site["servers"].values():
        server["links"]["cable"] = {"kind": "serial", "device": "/dev/ttyUSB7"}
    bare.write("config/site.yaml", dump(site) + "takeover: off\n")
    with_link = bare.up(apply=True)
    said = with_link.out + with_link.err
    assert with_link.code == 0, said
    assert "warning link cable: no /dev/ttyUSB7 here" in said, said
    status = bare.sh("scripts/twinboot status").out
    assert "link cable is not open: no such device" in status, status
    assert "TWINBOOT_OVERLAY=serial.yaml\n" in bare.sh("cat compose/.env").out
    assert "COMPOSE_PROFILES=\n" in bare.sh("cat compose/.env").out
    assert "twinboot-takeover-1" not in bare.services
    assert bare.sh("docker exec twinboot-sidecar-1 test -e /host/dev/pts/0", check=False).code != 0

    # the sidecar was made anew: while dhcpd comes back, a check may find its port in use by nobody it knows
    running = "docker ps --filter status=running --format '{{.Names}}' | grep dhcpd"
    wait.until(lambda: bare.sh(running, check=False).ok, "dhcpd to run again", timeout_s=30)
    bare.write("config/site.yaml", bare.site)
    without = bare.up(apply=True)
    assert without.code == 0, without.out + without.err
    assert "TWINBOOT_OVERLAY=\n" in bare.sh("cat compose/.env").out
    assert "COMPOSE_PROFILES=takeover\n" in bare.sh("cat compose/.env").out
    assert "twinboot-takeover-1" in bare.services
    assert bare.sh("docker exec twinboot-sidecar-1 test -e /host/dev", check=False).code != 0


def _with_site_and_tree(bare: Bare) -> None:
    """The example's tree is not on this server: a site may publish what it has."""
    bare.write("config/site.yaml", bare.site)
    bare.sh("mkdir -p /srv/twinboot/trees/rh9/images/pxeboot && cd /srv/twinboot/trees/rh9 && "
            "for file in .treeinfo images/pxeboot/vmlinuz images/pxeboot/initrd.img; "
            "do echo x >$file; done")  # fmt: skip


def _an_edited_file_changes_nothing_by_itself(bare: Bare) -> None:
    """The site that was applied counts: for `docker compose up -d`, and for `make up`, which says so."""
    look = "docker inspect -f '{{.Id}} {{.State.StartedAt}}' twinboot-sidecar-1 twinboot-tftp-1"
    files = "docker exec twinboot-sidecar-1 readlink /etc/twinboot/current"
    before = bare.sh(look).out, bare.sh(files).out
    bare.sh("cd compose && docker compose up -d")
    assert (bare.sh(look).out, bare.sh(files).out) == before
    asks = bare.up()
    assert asks.code == 0, asks.out + asks.err
    assert re.search(r"is that of site \d+, and site \d+ is in use", asks.out), asks.out
    bare.write("config/site.yaml", bare.site.replace("cli128", "other128"))
    edited = bare.up()
    assert edited.code == 3, edited.out + edited.err
    assert "make up APPLY=1" in edited.out
    bare.write("config/site.yaml", bare.site)
    assert (bare.sh(look).out, bare.sh(files).out) == before

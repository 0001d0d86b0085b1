"""The certificate of HTTPS: every server makes the same; the operator's own when there is one."""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sitechange import GOOD
from twinboot.agent.control.https import expiry, https_facts
from twinboot.render import render, write
from twinboot.render.certificate import Certificate, certificate_for, made
from twinboot.site import SiteError, parse

SITE = parse(GOOD)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/heartbeat.key").write_text("ab" * 32 + "\n")
    return tmp_path


def test_all_servers_make_the_same_and_another_key_another(config: Path) -> None:
    assert certificate_for(SITE, config) == made(SITE, bytes.fromhex("ab" * 32)) == made(SITE, b"\xab" * 32)
    assert made(SITE, b"\xac" * 32).certificate != made(SITE, b"\xab" * 32).certificate


def test_it_names_servers_and_virtual_addresses_and_its_signature_is_right() -> None:
    found = made(SITE, b"x" * 32)
    one = x509.load_pem_x509_certificate(found.certificate.encode())
    one.verify_directly_issued_by(one)
    names = one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    wanted = [*(server.address for server in SITE.servers.values()),
              *(group.address for group in SITE.groups.values()), ipaddress.IPv4Address("127.0.0.1")]
    assert addresses == wanted
    assert f"{next(iter(SITE.servers))}.{SITE.domain}" in names.get_values_for_type(x509.DNSName)
    key = serialization.load_pem_private_key(found.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == one.public_key()
    assert b"x" * 8 not in found.key.encode()


def test_without_a_heartbeat_key_or_with_https_off_there_is_none(config: Path) -> None:
    off = parse({**GOOD, "api": {"https": "off"}})
    assert certificate_for(off, config) is None
    assert "listen 443" not in render(off, "server1").etc["httpd/nginx.conf"]
    (config / "secrets/heartbeat.key").unlink()
    assert certificate_for(SITE, config) is None


def test_ones_own_is_taken_and_what_is_no_pair_is_named(config: Path) -> None:
    own, other = made(SITE, b"o" * 32), made(SITE, b"p" * 32)
    certificate, key = config / "secrets/tls.crt", config / "secrets/tls.key"
    certificate.write_text(own.certificate)
    with pytest.raises(SiteError, match=r"HTTPS needs both secrets/tls\.crt and secrets/tls\.key"):
        certificate_for(SITE, config)
    key.write_text(own.key)
    assert certificate_for(SITE, config) == own
    key.write_text(other.key)
    with pytest.raises(SiteError, match="is not of this key"):
        certificate_for(SITE, config)
    key.write_text("no key at all")
    with pytest.raises(SiteError, match="in PEM"):
        certificate_for(SITE, config)


def test_its_key_is_for_the_http_service_alone_and_its_fingerprint_is_told(tmp_path: Path) -> None:
    https = made(SITE, b"x" * 32)
    rendered = render(parse({**GOOD, "api": {"https": {"port": 8443}}}), "server1", https=https)
    assert "listen 8443 ssl" in rendered.etc["httpd/nginx.conf"]
    write(rendered, tmp_path / "etc", tmp_path / "pub")
    folder = tmp_path / "etc/current/httpd/private"
    assert (folder / "tls.key").read_text() == https.key
    if os.geteuid() == 0:
        state = folder.stat()
        assert (state.st_gid, state.st_mode & 0o777) == (33, 0o750)
    facts = https_facts(tmp_path / "etc/current")
    assert facts is not None
    assert (facts["port"], len(facts["fingerprint"])) == (8443, 95)
    assert https_facts(tmp_path / "nothing") is None


def test_one_that_ends_is_an_alarm_three_weeks_before_and_when_it_has(config: Path, tmp_path: Path) -> None:
    """Of the operator's own; the one that is made here ends with nobody's working life."""
    own = made(SITE, b"o" * 32)
    (config / "secrets/tls.crt").write_text(own.certificate)
    (config / "secrets/tls.key").write_text(own.key)
    ends = datetime.datetime(2054, 1, 1, tzinfo=datetime.UTC).timestamp()
    for name, https in (("own", certificate_for(SITE, config)), ("made", made(SITE, b"x" * 32))):
        write(render(SITE, "server1", https=https), tmp_path / name / "etc", tmp_path / name / "pub")

    def codes(name: str, at: float) -> list[str]:
        return [one.code for one in expiry(tmp_path / name / "etc/current", "server1", at)]

    assert codes("own", ends - 22 * 86400) == []
    assert codes("own", ends - 20 * 86400) == ["certificate-expires"]
    (told,) = expiry(tmp_path / "own/etc/current", "server1", ends - 1.5 * 86400)
    assert "2054-01-01 00:00 UTC, in 1 day" in told.text
    assert codes("own", ends) == ["certificate-expired"]
    assert codes("made", ends + 1) == codes("nothing", ends) == []
    facts = https_facts(tmp_path / "own/etc/current")
    assert facts is not None
    assert facts["until"] == ends


def test_a_chain_is_known_by_its_first_certificate(tmp_path: Path) -> None:
    first, second = made(SITE, b"1" * 32), made(SITE, b"2" * 32)
    facts = []
    for at, text in enumerate((first.certificate, first.certificate + second.certificate)):
        rendered = render(SITE, "server1", https=Certificate(text, first.key))
        write(rendered, tmp_path / f"etc{at}", tmp_path / f"pub{at}")
        facts.append(https_facts(tmp_path / f"etc{at}/current"))
    assert facts[0] == facts[1] is not None
    assert ssl.PEM_cert_to_DER_cert(first.certificate)

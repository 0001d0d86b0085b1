"""Site -> text of every configuration file of one server. Pure: the same inputs give the same bytes.

Owns which files there are and which template makes each; the values are the kinds' and dns.py's.
Files of `etc` are private to the daemons, those of `pub` are what clients may fetch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dhcp import engine_of
from ..installers.base import Passwords
from ..loaders.menu import command_line_faults
from ..loaders.publishing import published
from ..loaders.refusals import refusals
from ..planning.boot_facts import BootFacts
from ..planning.limits import connection_limits
from ..planning.page_names import page_names
from ..planning.plan import Install, Machine, SitePlan
from ..site.faults import Fault, SiteError, did_you_mean
from ..site.model.site import Profile, Site
from ..work_in_parts import InParts
from .certificate import Certificate
from .dns import named_values, with_serial, zone_values, zones_of
from .machine_facts import machine_facts, power_file
from .own_answers import PRIVATE, Readers, misplaced, private_paths
from .secret_checks import password_hash, secret_faults
from .steering import cannot_wait, disk_files, group_files, misnamed, steered_files
from .templates import Templates, template_dirs


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files of one server by relative path. copies: more of `pub`, each from a file `trees/...` below the
    folder of the trees or `loaders/...` below that of the image's boot loaders. steered: those of `pub` that
    a host gets only while it is to be installed, with their places (steering.py)."""

    etc: Mapping[str, str]
    pub: Mapping[str, str]
    copies: Mapping[str, str] = field(default_factory=dict)
    steered: Mapping[str, str] = field(default_factory=dict)


def render(
    site: Site,
    server: str,
    *,
    templates: Sequence[Path] | None = None,
    previous: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    repositories: Mapping[str, Sequence[str]] | None = None,
    boot: BootFacts | None = None,
    https: Certificate | None = None,
    number: int = 0,
) -> Rendered:
    """Every file of `server`.

    templates: directories, the first that has a file wins; previous: zone files of the current generation, as
    `write.read_zones` gives them (serials grow from there); secrets: contents of the files profiles name;
    repositories: of each tree, as generations.repositories_of() finds them; boot: what
    boot_files.boot_facts() found; https: the certificate, None: there is no HTTPS; number: which of the
    applied sites it is, 0: none of them.
    """
    if server not in site.servers:
        raise SiteError(
            [Fault("TWINBOOT_SERVER", server, f"no such server; {did_you_mean(server, site.servers)}")]
        )
    if wrong := secret_faults(site, secrets or {}):
        raise SiteError(wrong)
    plan = SitePlan(site, repositories, boot)
    using = Templates(template_dirs() if templates is None else templates)
    if cannot := list(_cannot(plan, using)):
        raise SiteError(cannot)
    with _answer_files(plan, using, secrets or {}) as answers:  # processes of their own for a big site
        if too_long := list(command_line_faults(plan)):
            raise SiteError(too_long)
        etc = _etc(plan, server, using, previous or {}, https)
        if number:
            etc["sidecar/number"] = f"{number}\n"
        of_loaders = published(plan, using.fill)
        ways = (*disk_files(plan, using.fill), *group_files(plan, using.fill))
        pub = {**of_loaders.texts, **dict(ways)}
        for made in answers.results():
            pub |= made
        return Rendered(etc, pub, of_loaders.copies, steered_files(of_loaders))


def _cannot(plan: SitePlan, templates: Templates) -> Iterator[Fault]:
    """What the boot loaders and the DHCP engine of a site cannot do."""
    yield from cannot_wait(plan, templates.fill)
    yield from misnamed(plan)
    yield from engine_of(plan.site).faults(plan)


def _etc(
    plan: SitePlan, server: str, using: Templates, previous: Mapping[str, str], https: Certificate | None
) -> dict[str, str]:
    site = plan.site
    limits = connection_limits(site)
    ftp = {"max_clients": limits.ftp_sessions, "max_per_ip": limits.ftp_per_address}
    return {
        **engine_of(site).files(plan, server, using.fill),
        "dhcpd/guard": using.fill(
            "dhcpd/guard.j2", vip=plan.vip(site.dhcpd_group), interface=site.servers[server].interface
        ),
        **_bind(plan, server, using, previous),
        "vsftpd/vsftpd.conf": using.fill(
            "vsftpd/vsftpd.conf.j2", server=server, cluster=site.cluster, ftp=ftp
        ),
        "httpd/nginx.conf": using.fill(
            "httpd/nginx.conf.j2", server=server, cluster=site.cluster, limits=limits,
            own=[site.servers[server].address, *(group.address for group in site.groups.values())],
            https_port=site.api.https.port if https is not None else 0, page_names=page_names(site),
        ),
        **_certificate(https),
        "sidecar/site.json": site.to_json(),
        "sidecar/machines.json": machine_facts(plan),
        **power_file(plan),
        "sidecar/boot.json": refusals(plan, site.servers[server].address).encode(),
    }


def _certificate(https: Certificate | None) -> dict[str, str]:
    """The certificate, in a folder for the HTTP service alone."""
    if https is None:
        return {}
    ends = {"sidecar/https.json": f"{json.dumps({'until': https.until})}\n"} if https.until else {}
    pair = {f"httpd/{PRIVATE}/tls.crt": https.certificate, f"httpd/{PRIVATE}/tls.key": https.key}
    return {**pair, **ends}


def _bind(plan: SitePlan, server: str, templates: Templates, previous: Mapping[str, str]) -> dict[str, str]:
    zones = zones_of(plan)
    values = named_values(plan, server, zones)
    files = {"bind/named.conf": templates.fill("bind/named.conf.j2", server=server, **values)}
    for zone in zones:
        path = f"bind/{zone.name}.zone"
        values = zone_values(plan, zone)

        def text_for(serial: int, values: dict[str, Any] = values) -> str:
            return templates.fill("bind/zone.j2", serial=serial, **values)

        files[path] = with_serial(text_for, previous.get(path))
    return files


def rendering_faults(plan: SitePlan, templates: Templates) -> Iterator[Fault]:
    """What keeps files from being made of the templates, whatever the passwords and the certificate are: each
    fault once. Of files that every server has of its own, those of the first one are made."""
    server = next(iter(plan.site.servers))
    parts: tuple[Callable[[], object], ...] = (
        lambda: _etc(plan, server, templates, {}, None),
        lambda: published(plan, templates.fill),
        lambda: [*disk_files(plan, templates.fill), *group_files(plan, templates.fill)],
    )
    found = list(_cannot(plan, templates))
    for make in parts:
        try:
            make()
        except SiteError as exc:
            found += exc.faults
    found += answer_faults(plan, templates)
    yield from {(one.path, repr(one.value), one.remedy): one for one in found}.values()


def answer_faults(plan: SitePlan, templates: Templates) -> Iterator[Fault]:
    """What keeps answer files from being written, whatever the passwords are: an undeclared variable, say.
    Each fault once, with the first whose file it is."""
    told = set[object]()
    for install, owner in plan.answer_files():
        anything = Passwords.any_of(plan.site.profiles[install.profile])
        whose = f"hosts.{owner.name}" if owner else f"profiles.{install.profile}"
        kind = plan.installer(install)
        answers = kind.answers(plan, install, owner, anything)
        for fault in misplaced(plan, install, (*answers, *kind.more_files(plan, install))):
            if kind.name not in told:
                told.add(kind.name)
                yield fault
        for one in answers.values():
            try:
                one.text(templates.fill)
            except SiteError as exc:
                for fault in exc.faults:
                    if (fault.path, fault.value) not in told:
                        told.add((fault.path, fault.value))
                        yield Fault(fault.path, fault.value, f"{fault.remedy} (for {whose})")


def _answer_files(
    plan: SitePlan, templates: Templates, secrets: Mapping[str, str]
) -> InParts[dict[str, str]]:
    passwords = {name: _passwords(one, secrets) for name, one in plan.site.profiles.items()}
    readers = Readers(plan)

    def files_of(part: Iterable[tuple[Install, Machine | None]]) -> dict[str, str]:
        files: dict[str, str] = {}
        for install, owner in part:
            kind = plan.installer(install)
            answers = kind.answers(plan, install, owner, passwords[install.profile])
            more = kind.more_files(plan, install)
            if wrong := list(misplaced(plan, install, (*answers, *more))):
                raise SiteError(wrong)
            for path, one in answers.items():
                text = one.text(templates.fill)
                whose = readers.of(install, owner)
                places = private_paths(path, whose) if plan.is_private(install) else [path]
                files |= dict.fromkeys(places, text)
            files |= more
        return files

    return InParts(files_of, list(plan.answer_files()))


def _passwords(profile: Profile, secrets: Mapping[str, str]) -> Passwords:
    root = profile.rootpw_file
    users = {one.name: one.password_file for one in profile.users if one.password_file}
    return Passwords(
        None if root is None else password_hash(secrets[root]),
        {name: password_hash(secrets[file]) for name, file in users.items()},
    )

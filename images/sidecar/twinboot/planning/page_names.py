"""By which names and addresses browsers may ask for the page: those of the site and of its servers.

A page of another site, open in a browser of this LAN, could have its own name lead to a server's address
afterwards, and would then be let read what the server answers (DNS rebinding): so what is asked for by a name
that is none of ours gets nothing. Machines fetch their files by whatever name they were told.
"""

from __future__ import annotations

from ..site.model.site import RecordType, Site


def page_names(site: Site) -> tuple[str, ...]:
    """Lower case, in order. An address of the server that is asked is good anyway, whichever it is."""
    addresses = {str(one.address) for one in site.servers.values()}
    addresses |= {str(one.address) for one in site.groups.values()}
    names = {"localhost", "127.0.0.1", *addresses, *site.api.names}
    labels = {*site.servers, site.balancing.name}
    labels |= {one.name for one in site.dns.records
               if one.type is RecordType.A and one.value in addresses and one.name != "*"}
    known = {*labels, *(f"{label}.{site.domain}" for label in labels)}
    aliases = [one for one in site.dns.records if one.type is RecordType.CNAME]
    for one in aliases:
        if one.value.rstrip(".").lower() in {name.lower() for name in known}:
            known |= {one.name, f"{one.name}.{site.domain}"}
    return tuple(sorted({name.lower() for name in (*names, *known)}))

"""Stands where python-requests would: pykickstart imports it for `%include http://...`.

The real one costs an emulated machine half a minute of imports before the install begins.
"""

from __future__ import annotations

from requests.exceptions import RequestException


def get(url: str, **_options: object) -> None:
    """What pykickstart would call for an include over the network."""
    raise RequestException(f"{url}: the stand-in includes local files only")

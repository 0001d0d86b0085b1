"""What boot loaders ask for at the root of TFTP and HTTP: three images make the links, each by a list of its
own.

The takeover process, of the sidecar's image, must find what the services show; a name that one of them lacks
is a download that cannot go on there.
"""

from __future__ import annotations

import re
from pathlib import Path

from bootfacts import FACTS
from rendering import rendered, site

IMAGES = Path(__file__).parents[3] / "images"
TFTP, HTTP = "/srv/tftp", "/srv/install"
NOT_BY_HTTP = {"pxelinux.cfg"}
"""Folders of loaders that know TFTP alone."""
_LOOP = re.compile(r"for name in ([^;]+); do (.*?); done")
_LINK = re.compile(r'ln -s "?(site/current[^"\s]*)"? "?(/srv/[^"\s;]+)"?')


def links(text: str) -> dict[str, str]:
    """Path of each link into what is published -> where it leads to, in the commands of a Dockerfile."""
    commands = re.sub(r"\\\n\s*", "", text)
    for loop in _LOOP.finditer(commands):
        each = (loop[2].replace("$name", name) for name in loop[1].split())
        commands = commands.replace(loop[0], " ; ".join(each))
    return {place: target for target, place in _LINK.findall(commands)}


def of_image(name: str, root: str) -> dict[str, str]:
    """Name at this root -> where its link leads to."""
    found = links((IMAGES / name / "Dockerfile").read_text())
    return {place.removeprefix(f"{root}/"): to for place, to in found.items() if place.startswith(f"{root}/")}


def test_the_images_have_the_same_links_at_the_root() -> None:
    tftp, http = of_image("tftp", TFTP), of_image("httpd", HTTP)
    assert of_image("sidecar", TFTP) == tftp
    assert of_image("sidecar", HTTP) == http
    assert tftp.keys() - http.keys() == NOT_BY_HTTP
    assert http.keys() - tftp.keys() == {"ks", "answers"}
    assert all(to in (f"site/current/{name}", f"site/current/tftp/{name}") or name == "boot"
               for name, to in (http | tftp).items())  # fmt: skip


def test_every_link_is_for_something_that_is_published() -> None:
    found = rendered(site(), boot=FACTS)
    published = {path.split("/")[1] for path in (*found.pub, *found.copies) if path.startswith("tftp/")}
    assert of_image("tftp", TFTP).keys() - {"boot"} <= published


def test_a_link_that_one_image_lacks_is_seen() -> None:
    text = """RUN install -d x \\
    && for name in one two; do \\
        ln -s "site/current/tftp/$name" "/srv/tftp/$name"; done \\
    && ln -s site/current/tftp /srv/tftp/boot"""
    assert links(text) == {
        "/srv/tftp/one": "site/current/tftp/one", "/srv/tftp/two": "site/current/tftp/two",
        "/srv/tftp/boot": "site/current/tftp",
    }  # fmt: skip

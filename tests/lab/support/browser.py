"""A person's browser: Debian's Chromium in a container, driven by Playwright from here.

The driver talks with it through the container's standard input and output, so that no port is opened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from twinlab.host import images
from twinlab.host.engine import docker

IMAGE = f"twinboot-test/browser:{images.VERSION}"
_WRAPPER = """#!/bin/sh
# What the driver says comes by descriptor 3, and it hears by 4 (--remote-debugging-pipe).
exec docker exec -i {container} sh -c \\
    'exec chromium-headless-shell "$@" 3<&0 4>&1 0</dev/null 1>&2' sh "$@" <&3 >&4
"""


def say(text: str) -> None:
    print(f"browser: {text}", flush=True)


def build() -> str:
    """The image, built when it is missing."""
    images.build_test_image(IMAGE, say)
    return IMAGE


@contextmanager
def browser_in(container: str) -> Iterator[Browser]:
    """Chromium in a running container of the image."""
    with tempfile.TemporaryDirectory() as folder:
        wrapper = Path(folder) / "chromium"
        wrapper.write_text(_WRAPPER.format(container=container))
        wrapper.chmod(0o755)
        with sync_playwright() as driver:
            made = driver.chromium.launch(executable_path=str(wrapper), args=["--disable-dev-shm-usage"])
            try:
                yield made
            finally:
                made.close()


@contextmanager
def browser_on_this_machine(name: str) -> Iterator[Browser]:
    """One that reaches what listens on 127.0.0.1 here."""
    docker("rm", "-f", name, check=False)
    docker("run", "-d", "--rm", "--network", "host", "--name", name, build())
    try:
        with browser_in(name) as made:
            yield made
    finally:
        docker("rm", "-f", name, check=False)

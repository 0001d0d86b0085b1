"""The one error that adapters raise: a resource, by name, and what it said."""

from __future__ import annotations

ENGINE = "engine"
"""The resource of an error when nobody answers for the Docker engine."""
CONFIGURATION = "configuration"
"""The resource of an error when a daemon refuses its rendered configuration."""


class ResourceError(Exception):
    """`resource` could not do what was asked. The cause hangs on it (`raise ... from`)."""

    def __init__(self, resource: str, reason: str) -> None:
        super().__init__(f"{resource}: {reason}")
        self.resource = resource
        self.reason = reason

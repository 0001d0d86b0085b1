"""The base of the site's models: what all of them have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Base of all: immutable, unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def settings_of_kinds(cls) -> dict[str, dict[str, Any]]:
        """Settings that registered kinds add to those of the model: name -> JSON Schema."""
        return {}

    @classmethod
    def meanings_by_kinds(cls) -> dict[str, str]:
        """Meanings of settings of the model that depend on the registered kinds: name -> description."""
        return {}

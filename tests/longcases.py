"""Which cases of a matrix `make test` plays; `make e2e` plays all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest


def long_but(short: Callable[..., bool], *axes: Iterable[Any]) -> list[Any]:
    """Every combination of the axes' values, for parametrize(): `long` where it is not short(*values)."""
    return [
        pytest.param(*values, marks=() if short(*values) else pytest.mark.long) for values in product(*axes)
    ]

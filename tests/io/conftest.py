"""What the tests of reading share."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import SimpleITK  # noqa: F401  (read now: whoever has no rights cannot import it later)

NOBODY = 65534


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """A block in which root, whom no permission stops, is nobody. Anybody else stays who they are."""
    return _unprivileged


@contextmanager
def _unprivileged() -> Iterator[None]:
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)

"""Commands that need more packages than the app does."""

from collections.abc import Iterator
from contextlib import contextmanager

from ctflow.errors import ResourceError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports: turns a package that is not there into a ResourceError with the command that installs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ResourceError(f"This needs the package {error.name}: pip install '.[{name}]' brings it.") from error

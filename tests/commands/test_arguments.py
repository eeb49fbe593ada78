"""What commands share around their arguments."""

import pytest

from ctflow.commands.arguments import extra
from ctflow.errors import ResourceError


def test_a_command_whose_packages_are_missing_says_how_to_get_them() -> None:
    with pytest.raises(ResourceError, match=r"no_such_package.*pip install '.\[train\]'"), extra("train"):
        import no_such_package  # noqa: F401

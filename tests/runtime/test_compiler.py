"""What compiling for a GPU needs is missed in words, before a compiler's own traceback."""

from pathlib import Path

import pytest

from ctflow.errors import ResourceError
from ctflow.runtime.compiler import check_compiler


def only(*programs: str):
    """Finds these programs and no others."""
    return lambda name: f"/bin/{name}" if name in programs else None


@pytest.fixture
def headers(tmp_path: Path) -> Path:
    (tmp_path / "Python.h").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "programs", "missing"),
    [
        ({}, (), "a C compiler"),
        ({}, ("cc",), "a C compiler"),  # which Triton does not look for
        ({"CC": "icx"}, ("gcc",), "the C compiler icx, which CC names"),
    ],
)
def test_a_missing_compiler_is_named_with_what_to_do(
    headers: Path, environment: dict[str, str], programs: tuple[str, ...], missing: str
) -> None:
    with pytest.raises(ResourceError, match=rf"{missing}.*Install it, or use --cuda graph"):
        check_compiler(environment, only(*programs), headers)


def test_missing_headers_are_named(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"header files.*python3-dev"):
        check_compiler({}, only("gcc"), tmp_path)


@pytest.mark.parametrize(("environment", "programs"), [({}, "gcc"), ({}, "clang"), ({"CC": "icx"}, "icx")])
def test_past_compiler_and_headers_it_asks_for_triton(
    headers: Path, environment: dict[str, str], programs: str
) -> None:
    with pytest.raises(ResourceError, match="the package triton"):
        check_compiler(environment, only(programs), headers, lambda name: None)
    check_compiler(environment, only(programs), headers, lambda name: name)

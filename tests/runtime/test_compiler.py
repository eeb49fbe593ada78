"""What compiling for a GPU needs is missed in words, before a compiler's own traceback."""

from pathlib import Path

import pytest

from ctflow.errors import ResourceError
from ctflow.runtime.compiler import check_compiler, missing_for_compiling


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
def test_a_missing_compiler_is_named(
    headers: Path, environment: dict[str, str], programs: tuple[str, ...], missing: str
) -> None:
    found = missing_for_compiling(environment, only(*programs), headers)
    assert found is not None and found.startswith(missing)


def test_missing_headers_are_named(tmp_path: Path) -> None:
    found = missing_for_compiling({}, only("gcc"), tmp_path)
    assert found is not None and "header files" in found and "python3-dev" in found


@pytest.mark.parametrize(("environment", "programs"), [({}, "gcc"), ({}, "clang"), ({"CC": "icx"}, "icx")])
def test_past_compiler_and_headers_it_asks_for_triton(
    headers: Path, environment: dict[str, str], programs: str
) -> None:
    found = missing_for_compiling(environment, only(programs), headers, lambda name: None)
    assert found is not None and "the package triton" in found
    assert missing_for_compiling(environment, only(programs), headers, lambda name: name) is None


def test_what_is_missing_is_told_with_what_to_do() -> None:
    with pytest.raises(ResourceError, match=r"does not find a C compiler. Install it, or use --cuda graph"):
        check_compiler(lambda: "a C compiler")
    check_compiler(lambda: None)

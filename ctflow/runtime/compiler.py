"""What compiling for a GPU needs of this machine, asked before it begins."""

import os
import shutil
import sysconfig
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from ctflow.errors import ResourceError

COMPILERS = ("gcc", "clang")  # where CC names none, Triton takes one of these


def missing_for_compiling(
    environment: Mapping[str, str] = os.environ,
    find: Callable[[str], str | None] = shutil.which,
    headers: Path | None = None,
    find_package: Callable[[str], object] = find_spec,
) -> str | None:
    """What torch.compile needs to build what starts its kernels, and does not find here; None where nothing is missing.

    `find` and `find_package`: None where there is no such program or package. `headers`: where Python.h lies, if not
    where this Python says.
    """
    given = environment.get("CC")
    if not any(map(find, [given] if given else COMPILERS)):
        return f"the C compiler {given}, which CC names" if given else "a C compiler (gcc or clang)"
    if not ((headers or Path(sysconfig.get_path("include"))) / "Python.h").exists():
        return "Python's header files (on Debian and Ubuntu, python3-dev)"
    if find_package("triton") is None:
        return "the package triton, which torch's builds for CUDA on Linux bring"
    return None


def check_compiler(missing: Callable[[], str | None] = missing_for_compiling) -> None:
    """Raises ResourceError where torch.compile could not build what starts its kernels."""
    if lacks := missing():
        raise ResourceError(f"--cuda compile does not find {lacks}. Install it, or use --cuda graph.")

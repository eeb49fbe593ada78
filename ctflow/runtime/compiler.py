"""What compiling for a GPU needs of this machine, asked before it begins."""

import os
import shutil
import sysconfig
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from ctflow.errors import ResourceError

COMPILERS = ("gcc", "clang")  # where CC names none, Triton takes one of these


def check_compiler(
    environment: Mapping[str, str] = os.environ,
    find: Callable[[str], str | None] = shutil.which,
    headers: Path | None = None,
    find_package: Callable[[str], object] = find_spec,
) -> None:
    """Raises ResourceError where torch.compile could not build what starts its kernels.

    `find` and `find_package`: None where there is no such program or package. `headers`: where Python.h lies, if not
    where this Python says.
    """
    given = environment.get("CC")
    if not any(map(find, [given] if given else COMPILERS)):
        missing = f"the C compiler {given}, which CC names," if given else "a C compiler (gcc or clang)"
    elif not ((headers or Path(sysconfig.get_path("include"))) / "Python.h").exists():
        missing = "Python's header files (on Debian and Ubuntu, python3-dev)"
    elif find_package("triton") is None:
        missing = "the package triton, which torch's builds for CUDA on Linux bring,"
    else:
        return
    raise ResourceError(f"--cuda compile needs {missing} and does not find it. Install it, or use --cuda graph.")

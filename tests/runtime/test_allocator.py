"""Memory that is freed is kept for what comes next."""

import platform
import subprocess
import sys

import pytest

# In a process of its own, because it changes how all of it gets memory. Freed, all pieces lie at the heap's end.
FAULTS = """
import resource
import sys
from ctflow.runtime.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    pieces = [bytearray(100_000) for _ in range(1000)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    assert keep_freed_memory()
print(faults(), faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
@pytest.mark.parametrize("what", ["keep", "leave"])
def test_what_is_freed_is_not_asked_for_again_page_by_page(what: str) -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS, what], capture_output=True, encoding="utf-8", check=True)
    first, second = map(int, done.stdout.split())
    assert first > 20_000, "100 MB are 24,414 pages"
    assert (second < 1000) == (what == "keep")

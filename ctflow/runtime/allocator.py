"""How the C library hands out the memory that tensors on a CPU lie in."""

import ctypes
import platform

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
NEVER_BYTES, LARGEST_BYTES = 2**31 - 1, 32 * 2**20  # the second is the most that glibc takes


def keep_freed_memory() -> bool:
    """Lets this process keep the memory that its tensors free, for the next ones. -> whether this C library can.

    By default glibc gives pieces of some megabytes back to the system again and again, which has to hand them out anew
    page by page: a twentieth of the time of a demo model's step, a fifth of that of its decoded slices. Larger pieces
    still come from the system and go back to it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(TRIM_THRESHOLD, NEVER_BYTES) and libc.mallopt(MMAP_THRESHOLD, LARGEST_BYTES))

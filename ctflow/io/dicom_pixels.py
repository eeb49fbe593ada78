"""Whether a DICOM file holds as many pixels as its header says: GDCM fills what is missing with anything."""

import re
import struct
from pathlib import Path

# The element (7FE0,0010) in little-endian order with and without its type, and in big-endian order.
_PIXELS = (
    (re.compile(rb"\xe0\x7f\x10\x00O[BW]\0\0"), "<I"),
    (re.compile(rb"\xe0\x7f\x10\x00(?!O[BW]\0\0)"), "<I"),
    (re.compile(rb"\x7f\xe0\x00\x10O[BW]\0\0"), ">I"),
)
_COMPRESSED = 0xFFFFFFFF  # in the place of a length
_DEFLATED = b"1.2.840.10008.1.2.1.99"  # the whole file is compressed after its first group
_FIRST_GROUP_BYTES = 1024


def has_all_pixels(path: Path, expected: int) -> bool:
    """Whether some element of pixels has `expected` bytes or more, or is compressed, so that its decoder knows."""
    data = path.read_bytes()
    if _DEFLATED in data[:_FIRST_GROUP_BYTES]:
        return True
    for pattern, order in _PIXELS:
        for found in pattern.finditer(data):
            begin = found.end() + struct.calcsize(order)
            (length,) = struct.unpack(order, data[found.end() : begin].ljust(4, b"\0"))
            if length == _COMPRESSED or expected <= length <= len(data) - begin:
                return True
    return False

"""How chunks are packed."""

import numpy as np

from app.chunks import pack, unpack


def test_packing_keeps_every_hu() -> None:
    hu = np.arange(-32768, 32768, 1).astype(np.int16).reshape(1, 256, 256)
    np.testing.assert_array_equal(unpack(pack(hu), (1, 256, 256)), hu)

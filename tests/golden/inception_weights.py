"""Weights of Inception-v3's layout, drawn so that signals neither vanish nor grow: to compare two computations."""

import numpy as np
import torch
from torch import Tensor


def drawn_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """By the sorted names; the same on every machine, as far as NumPy's PCG64 is."""
    weights = {}
    for i, name in enumerate(sorted(shapes)):
        draw, shape = np.random.default_rng(i), shapes[name]
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(0)
            continue
        values = draw.standard_normal(shape, np.float32)
        if len(shape) > 1:
            values *= np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith("running_var"):
            values = 1 + 0.1 * np.abs(values)
        else:
            values = 0.1 * values + (1 if name.endswith("bn.weight") else 0)
        weights[name] = torch.from_numpy(values.astype(np.float32))
    return weights

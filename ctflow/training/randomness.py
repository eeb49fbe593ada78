"""Random numbers of a training: every draw is a function of the seed, its purpose, the step and the process."""

import hashlib

import numpy as np
import torch

_WORD = 2**32


def random_stream(seed: int, purpose: str, step: int = 0, rank: int = 0) -> np.random.Generator:
    """The generator of one purpose at one step on one process; a stage's own draws have its name as their purpose.

    Streams are independent: the seed sequence gets the purpose's SHA-256, the step and the rank, each in words of its
    own, so that none can stand for another (as 6 in [seed, 6] could be a purpose or a step).

    Raises ValueError for a step or rank that does not fit into 32 bits.
    """
    if not (0 <= step < _WORD and 0 <= rank < _WORD):
        raise ValueError(f"step and rank must lie between 0 and {_WORD - 1}; got {step} and {rank}")
    words = np.frombuffer(hashlib.sha256(purpose.encode()).digest(), "<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(*words, step, rank)))


def seed_torch(seed: int, purpose: str) -> None:
    """Seeds torch's own generators, from which networks draw their first weights."""
    torch.manual_seed(int(random_stream(seed, purpose).integers(2**63)))

"""Training of the reader's mentions: a head on the frozen text encoder, taught with phantoms' sentences."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctflow.demo.text import LOGIT_SCALE, Attributes
from ctflow.evaluation.reading import encode_sentences
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.models.text import TextEncoder
from ctflow.phantom import SIZES, SLOTS
from ctflow.phantom.sentences import draw_sentence
from ctflow.training.loop import Stage, train

HIDDEN = 256
BATCH = 256


def new_reader(attributes: Attributes) -> Reader:
    """With the grades that the encoder was trained with, and mentions that are still to be trained."""
    bert = attributes.encoder.bert.config
    slots = tuple((kind, *site) for kind, site in SLOTS)
    reader = Reader(ReaderConfig(bert.hidden_size, bert.num_hidden_layers, HIDDEN, slots, SIZES))
    # Its embeddings come as they are; and the last number of a slot is the amount, which nobody reads.
    weight, bias = (
        tensor.unflatten(0, (len(SLOTS), -1))[:, :-1].flatten(0, 1).detach()
        for tensor in (attributes.heads.weight, attributes.heads.bias)
    )
    reader.grades.load_state_dict({"weight": LOGIT_SCALE * weight, "bias": bias})
    return reader


def train_mentions(stage: Stage, reader: Reader, encoder: TextEncoder, parts: tuple[str, ...], count: int) -> nn.Module:
    """Cross-entropy over the slots of `count` sentences, which are encoded once: the encoder stays as it is."""
    rng = np.random.default_rng([stage.seed, 6])
    _, states, answers = encode_sentences(encoder, [draw_sentence(rng, "known") for _ in range(count)], parts, rng)

    def losses(model: nn.Module, device: torch.device, rng: np.random.Generator) -> dict[str, Tensor]:
        picks = torch.from_numpy(rng.integers(count, size=BATCH))
        said = model(states[picks].to(device)).float().unflatten(1, (-1, 3))
        target = answers[picks].to(device)
        return {"mentions": F.cross_entropy(said.flatten(0, 1), target.flatten(), reduction="sum") / BATCH}

    return train(stage, reader.mentions, losses)

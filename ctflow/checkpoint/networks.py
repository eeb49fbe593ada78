"""A loaded checkpoint, and whether its parts fit each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ctflow.card import CARD, Latent, ModelCard
from ctflow.drawn import Drawn
from ctflow.errors import CheckpointError
from ctflow.models.avae import AVAE, TAEF1, SliceDecoder
from ctflow.models.ctclip import CTClip
from ctflow.models.fact_encoder import FactEncoder
from ctflow.models.reader import Reader
from ctflow.models.stdit import STDiT
from ctflow.models.text import ReportEncoder


@dataclass(frozen=True, eq=False, kw_only=True)
class Checkpoint:
    """A loaded folder: the card, the networks in float32, and the SHA-256 over all of its files.

    `drawn`: what was measured of it, see `ctflow.checkpoint.drawn`.
    """

    card: ModelCard
    transformer: STDiT
    avae: AVAE
    text: ReportEncoder
    ctclip: CTClip | None
    reader: Reader | None
    taef1: TAEF1 | None
    sha256: str
    drawn: Mapping[str, Drawn]

    @property
    def reads(self) -> bool:
        """Whether it can say what it reads in a report."""
        return self.reader is not None or isinstance(self.text, FactEncoder)

    @property
    def networks(self) -> list[nn.Module]:
        """Those that there are."""
        all_of_them = (self.transformer, self.avae, self.text, self.ctclip, self.reader, self.taef1)
        return [network for network in all_of_them if network is not None]


def check_agreement(checkpoint: Checkpoint, folder: Path) -> None:
    """Raises CheckpointError that says on what the card and the networks of `folder` contradict each other."""
    for what, (found, expected) in _claims(checkpoint).items():
        if found != expected:
            raise CheckpointError(f"{folder} contradicts itself on the {what}: {found} against {expected}.")
    max_tokens, places = checkpoint.card.text.max_tokens, checkpoint.text.bert.config.max_position_embeddings
    if max_tokens > places:
        raise CheckpointError(
            f"{folder} contradicts itself on the length of a text: text.max_tokens in {CARD} is {max_tokens}, "
            f"and the text encoder has places for {places}."
        )


def _claims(checkpoint: Checkpoint) -> dict[str, tuple[object, object]]:
    """Everything that two parts say: what it is about, and what each of them says."""
    geometry, latent = checkpoint.card.geometry, checkpoint.card.latent
    config, bert = checkpoint.transformer.config, checkpoint.text.bert.config
    image = (geometry.rows, geometry.columns)
    claims: dict[str, tuple[object, object]] = {
        "slices per chunk and latent size": (
            config.input_size,
            (geometry.slices_per_chunk, latent.rows, latent.columns),
        ),
        "latent channels": (config.out_channels, latent.channels),
        "channels of the A-VAE": (checkpoint.avae.network.config.latent_channels, latent.channels),
        "input channels of the transformer": (config.in_channels, 2 * latent.channels),
        "size of an image": (_image_size(checkpoint.avae, latent), image),
        "size of the text embedding": (config.caption_channels, checkpoint.text.dim),
        "size of the vocabulary": (checkpoint.text.tokenizer.get_vocab_size(), bert.vocab_size),
    }
    if tower := checkpoint.ctclip:
        claims["size of the text embedding of the image tower"] = (tower.config.dim_text, checkpoint.text.dim)
    if reader := checkpoint.reader:
        claims["size and layers of the text encoder of the reader"] = (
            (reader.config.dim, reader.config.layers),
            (bert.hidden_size, bert.num_hidden_layers),
        )
    if isinstance(text := checkpoint.text, FactEncoder):
        claims["size of the states that the text encoder reads"] = (text.facts.config.width, bert.hidden_size)
    if taef1 := checkpoint.taef1:
        claims["channels of TAEF1"] = (taef1.network.config.latent_channels, latent.channels)
        claims["size of an image of TAEF1"] = (_image_size(taef1, latent), image)
    return claims


def _image_size(decoder: SliceDecoder, latent: Latent) -> tuple[int, int]:
    return latent.rows << decoder.halvings, latent.columns << decoder.halvings

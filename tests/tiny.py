"""A whole checkpoint folder of a few thousand random weights, for tests that need the real loading and sampling."""

from dataclasses import replace
from pathlib import Path

import torch

from ctflow.card import Defaults, EndRule, Evidence, Geometry, Guidance, Latent, ModelCard, Text
from ctflow.checkpoint.folder import MAX_FILE_BYTES, save_checkpoint
from ctflow.demo.avae import new_avae
from ctflow.demo.text import new_bert, new_tokenizer
from ctflow.hu import IntensityMap
from ctflow.models.ctclip import CTClip, CTClipConfig
from ctflow.models.facts import Facts, FactsConfig, with_placeless
from ctflow.models.reader import Reader, ReaderConfig
from ctflow.models.stdit import STDiT
from ctflow.models.stdit_config import STDiTConfig

CARD = ModelCard(
    format=1,
    name="tiny",
    title="Random weights",
    notice="Random weights.",
    geometry=Geometry(
        slices_per_chunk=4,
        max_chunks=3,
        rows=32,
        columns=32,
        slice_spacing_mm=3.0,
        pixel_spacing_mm=1.5,
        axes=("I", "P", "L"),
    ),
    intensity=IntensityMap(black=0.0, white=1.0, hu_black=-1000, hu_white=1400),
    latent=Latent(channels=2, rows=8, columns=8, scale=1.3, shift=0.1),
    prediction="velocity",
    first_previous="black",
    end=EndRule(tolerance=0.0, share=0.9),
    text=Text(encoder="BERT", parts=("Findings: {findings}", "Impression: {impression}"), max_tokens=16),
    guidance=Guidance(trained=True, default=1.0),
    defaults=Defaults(solver="euler", steps=3, shift=1.0, chunks=2),
    evidence=Evidence("proved", "proved", "proved", "proved"),
    provenance="Nothing was trained.",
    licence="Apache-2.0",
    good_for="Tests.",
    not_good_for="All else.",
)


READER = ReaderConfig(8, 1, 4, (("Consolidation", None, None), ("Pleural effusion", "right", None)), ("small", "large"))
FACTS = FactsConfig(
    width=8,
    heads=2,
    hidden=4,
    slots=with_placeless(
        [
            ("Consolidation", "right", "upper"),
            ("Consolidation", "left", "lower"),
            ("Pleural effusion", "right", None),
            ("Pleural effusion", "left", None),
            ("Cardiomegaly", None, None),
        ]
    ),
    sizes=("small", "large"),
    graded=5,
    teller=8,
    dim=8,
)
TOWER = CTClipConfig(
    dim=8,
    codebook_size=16,
    image_size=16,
    slices=8,
    patch_size=8,
    temporal_patch_size=4,
    spatial_depth=1,
    temporal_depth=1,
    dim_head=8,
    heads=1,
    dim_text=8,
    dim_latent=4,
    spacing_mm=(6.0, 6.0, 6.0),
    labels=("Pleural effusion", "Pneumothorax"),
)


def tiny_checkpoint(
    folder: Path,
    heads: bool = False,
    max_file_bytes: int = MAX_FILE_BYTES,
    reader: ReaderConfig = READER,
    facts: FactsConfig | None = None,
    **changes: object,
) -> Path:
    """Writes the folder, with image tower and reader if it has `heads`; `changes` are fields of its card.

    With `facts`, its text encoder reads sentence by sentence, and there is no other reader.
    """
    torch.manual_seed(0)
    transformer = STDiT(
        STDiTConfig(
            input_size=(4, 8, 8),
            patch_size=(2, 4, 4),
            in_channels=4,
            out_channels=2,
            hidden_size=16,
            depth=2,
            num_heads=2,
            mlp_ratio=2.0,
            caption_channels=8,
        )
    )
    tokenizer = new_tokenizer(["findings: no pleural effusion. impression: large right effusion."] * 5)
    bert = new_bert(tokenizer.get_vocab_size(), hidden=8, layers=1, max_tokens=16)
    save_checkpoint(
        folder,
        replace(CARD, **changes),
        transformer,
        new_avae((4, 4, 8), 2),
        bert,
        tokenizer,
        ctclip=_tower() if heads else None,
        reader=Reader(reader) if heads and facts is None else None,
        max_file_bytes=max_file_bytes,
        facts=Facts(facts) if facts else None,
    )
    return folder


def _tower() -> CTClip:
    clip = CTClip(TOWER)
    torch.nn.init.normal_(clip.visual_transformer.vq._codebook.embed)  # else all tokens are one
    return clip

"""How large the demo model and its training are."""

from dataclasses import dataclass, replace

from ctflow.demo.tower import latent_size
from ctflow.models.ctclip import CTClipConfig
from ctflow.models.stdit_config import STDiTConfig
from ctflow.phantom import KINDS, SLOTS
from ctflow.phantom.grid import SIZE

CHUNK = 16  # slices


@dataclass(frozen=True)
class Sizes:
    """What differs between the demo model and a smoke test of its training.

    `avae_channels`: one entry for each level. `patch`: slices, rows and columns of a token. `batch` and
    `avae_batch`: chunks and crops in a step on a CPU; `ctflow.demo.recipe` says what a GPU gets. `vocabulary_reports`:
    the tokenizer's vocabulary is made of so many. `sentences`: so many teach the reader. `learns_end`: whether training
    is long enough to learn what stands after a volume's last slice.
    """

    phantoms: int
    avae_channels: tuple[int, ...]
    latent_channels: int
    avae_batch: int
    text_hidden: int
    text_layers: int
    patch: tuple[int, int, int]
    hidden: int
    depth: int
    heads: int
    detail: int
    detail_blocks: int
    batch: int
    vocabulary_reports: int
    sentences: int
    learns_end: bool
    tower: CTClipConfig

    @property
    def latent_side(self) -> int:
        """Rows, and columns, of a slice of latents: every level of the A-VAE but the last halves them."""
        return SIZE >> (len(self.avae_channels) - 1)


def transformer_config(sizes: Sizes) -> STDiTConfig:
    """The transformer of these sizes."""
    return STDiTConfig(
        input_size=(CHUNK, sizes.latent_side, sizes.latent_side),
        patch_size=sizes.patch,
        in_channels=2 * sizes.latent_channels,
        out_channels=sizes.latent_channels,
        hidden_size=sizes.hidden,
        depth=sizes.depth,
        num_heads=sizes.heads,
        mlp_ratio=4.0,
        caption_channels=sizes.text_hidden,
        head_merge="usual",
        positions="chunk",
        text_facts=len(SLOTS),
        detail=sizes.detail,
        detail_blocks=sizes.detail_blocks,
    )


DEMO = Sizes(
    phantoms=1200,
    avae_channels=(8, 16, 24, 32),
    latent_channels=3,
    avae_batch=4,
    text_hidden=128,
    text_layers=3,
    patch=(8, 2, 2),
    hidden=320,
    depth=6,
    heads=5,
    detail=16,
    detail_blocks=2,
    batch=8,
    vocabulary_reports=4000,
    sentences=30_000,
    learns_end=True,
    # It has no layers of attention: see `ctflow.demo.tower`.
    tower=CTClipConfig(
        dim=64,
        codebook_size=2048,
        image_size=128,
        slices=48,
        patch_size=8,
        temporal_patch_size=6,
        spatial_depth=0,
        temporal_depth=0,
        dim_head=32,
        heads=2,
        dim_text=128,
        dim_latent=latent_size(KINDS),
        spacing_mm=(6.0, 3.0, 3.0),
        labels=KINDS,
    ),
)
SMOKE = Sizes(
    phantoms=2,
    avae_channels=(4, 4, 8, 8),
    latent_channels=4,
    avae_batch=2,
    text_hidden=16,
    text_layers=1,
    patch=(8, 8, 8),
    hidden=32,
    depth=2,
    heads=4,
    detail=4,
    detail_blocks=1,
    batch=2,
    vocabulary_reports=200,
    sentences=64,
    learns_end=False,
    tower=replace(
        DEMO.tower,
        dim=16,
        codebook_size=16,
        image_size=32,
        slices=12,
        patch_size=8,
        dim_head=8,
        dim_text=16,
        spacing_mm=(24.0, 12.0, 12.0),
    ),
)

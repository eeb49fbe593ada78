"""The sizes of an STDiT, and how it differs from the released ones."""

from dataclasses import dataclass
from typing import Literal

# Everything else must be at least 1.
_NO_SIZES = ("head_merge", "positions", "mlp_ratio", "text_facts", "detail", "detail_blocks")


@dataclass(frozen=True)
class STDiTConfig:
    """The config.json of a transformer. The first nine fields are the released ones.

    `input_size`: (slices, rows, columns) of a chunk of latents. `in_channels`: of the noisy and the previous chunk.
    `head_merge`: see `Attention`. `positions`: what a token knows of its place before the first block. "plane", as
    released: its place in the plane (that along the slices is added in the first block's temporal attention); "chunk":
    its place in the whole chunk. `text_facts`: how many numbers, read off the report, modulate each block beside the
    time; 0 as released. `detail`: how many features of each latent the tokens give to `DetailHead`; 0 as released,
    and there is no such head. `detail_blocks`: how many blocks it has at half the resolution; if there are any, one
    more works at the full one. Raises ValueError for sizes that do not go together.
    """

    input_size: tuple[int, int, int]
    patch_size: tuple[int, int, int]
    in_channels: int
    out_channels: int
    hidden_size: int
    depth: int
    num_heads: int
    mlp_ratio: float
    caption_channels: int
    head_merge: Literal["released", "usual"] = "released"
    positions: Literal["plane", "chunk"] = "plane"
    text_facts: int = 0
    detail: int = 0
    detail_blocks: int = 0

    def __post_init__(self) -> None:
        sizes = {name: value for name, value in vars(self).items() if name not in _NO_SIZES}
        for name, value in sizes.items():
            if min(value if isinstance(value, tuple) else (value,)) < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.hidden_size % self.num_heads:
            raise ValueError(f"hidden_size {self.hidden_size} does not divide into num_heads {self.num_heads}")
        if self.hidden_size % 4:
            raise ValueError(
                f"hidden_size must be a multiple of 4, for the position embedding; it is {self.hidden_size}"
            )
        if any(size % patch for size, patch in zip(self.input_size, self.patch_size, strict=True)):
            raise ValueError(f"input_size {self.input_size} does not divide into patch_size {self.patch_size}")
        if not self.hidden_size * self.mlp_ratio >= 1:
            raise ValueError(f"mlp_ratio must be positive, not {self.mlp_ratio}")
        for name in ("text_facts", "detail", "detail_blocks"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; it is {getattr(self, name)}")
        if self.detail_blocks and not (self.detail and self.text_facts):
            raise ValueError(
                "detail_blocks need detail and text_facts: they refine the one and are modulated by the other"
            )
        if self.detail_blocks and any(size % 2 for size in self.input_size):
            raise ValueError(f"detail_blocks halve the input_size, so it must be even; it is {self.input_size}")

    @property
    def tokens(self) -> tuple[int, int, int]:
        """Tokens along slices, rows and columns."""
        slices, rows, columns = (size // patch for size, patch in zip(self.input_size, self.patch_size, strict=True))
        return slices, rows, columns

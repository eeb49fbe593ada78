"""What is known of each released model, beyond its files. Every number here ends up in the model's card."""

from dataclasses import dataclass
from typing import Any, Literal

from ctflow.card import Defaults, EndRule, Evidence, Geometry, Guidance, Latent, ModelCard, Text
from ctflow.checkpoint.catalog import RELEASED
from ctflow.hu import AIR_HU, IntensityMap
from ctflow.labels import LABELS
from ctflow.models.ctclip import CTClipConfig
from ctflow.models.stdit_config import STDiTConfig
from ctflow.released.sources import Origins

SPACING_MM = 1.5  # 384 mm of 256 pixels; v2 says so of 256 slices too
TRAINED_SLICES = 256  # volumes were cropped to this: nothing sound comes after it
# The NIfTI arrays of CT-RATE, from which the latents were made, lie so.
AXES: tuple[Literal["S"], Literal["L"], Literal["P"]] = ("S", "L", "P")

CTCLIP = CTClipConfig(
    dim=512,
    codebook_size=8192,
    image_size=480,
    slices=240,
    patch_size=20,
    temporal_patch_size=10,
    spatial_depth=4,
    temporal_depth=4,
    dim_head=32,
    heads=8,
    dim_text=768,
    dim_latent=512,
    spacing_mm=(1.5, 0.75, 0.75),
    labels=LABELS,
)
# The config of FLUX's A-VAE: the shapes of its weights do not show all of it.
FLUX_AVAE: dict[str, Any] = {
    "_class_name": "AutoencoderKL",
    "act_fn": "silu",
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 16,
    "layers_per_block": 2,
    "mid_block_add_attention": True,
    "norm_num_groups": 32,
    "use_quant_conv": False,
    "use_post_quant_conv": False,
}
FLUX_SCALE_AND_SHIFT = (0.3611, 0.1159)
# Of TAEF1's config. Its scaling_factor and shift_factor are seen to whenever it is loaded.
TAEF1_CONFIG: dict[str, Any] = {
    "act_fn": "relu",
    "upsample_fn": "nearest",
    "upsampling_scaling_factor": 2,
    "latent_magnitude": 3,
    "latent_shift": 0.5,
}
CXR_BERT_VOCABULARY = "e025f479c3a7ce6e248971bfe1b409708db0439e9488d30e254f81f27f75d678"  # sha256 of its vocab.txt


@dataclass(frozen=True)
class Recipe:
    """How to read one released model.

    `scale_and_shift` of the latents. `head_size`: of the transformer and of the text encoder.
    `avae_config`: what the config of the A-VAE must say, or all of it where the A-VAE is a bare state dict.
    `flux_latents`: whether it is FLUX's own, whose latents TAEF1 decodes too; that was published with its config.
    `vocabulary_sha256`: of the text encoder's vocab.txt.
    """

    name: str
    title: str
    scale_and_shift: tuple[float, float]
    head_size: int
    avae_config: dict[str, Any]
    flux_latents: bool
    ctclip: CTClipConfig
    vocabulary_sha256: str
    intensity: IntensityMap
    first_previous: Literal["black", "zeros"]
    text_parts: tuple[str, ...]
    guidance_trained: bool
    evidence: Evidence


V1 = Recipe(
    name="ctflow-v1",
    title="CTFlow",
    scale_and_shift=FLUX_SCALE_AND_SHIFT,
    head_size=64,
    avae_config=FLUX_AVAE | dict(zip(("scaling_factor", "shift_factor"), FLUX_SCALE_AND_SHIFT, strict=True)),
    flux_latents=True,
    ctclip=CTCLIP,
    vocabulary_sha256=CXR_BERT_VOCABULARY,
    intensity=IntensityMap(black=0.0, white=1.0, hu_black=AIR_HU, hu_white=1400),
    first_previous="black",
    # The paper's figure shows these words; the separators and the place of the length are our reading of it.
    text_parts=("Findings: {findings}", "Impressions: {impression}", "Length: 256"),
    guidance_trained=False,
    evidence=Evidence(axes="inferred", spacing="inferred", intensity="proved", text="inferred"),
)
V2 = Recipe(
    name="ctflow-v2",
    title="CTFlow v2",
    scale_and_shift=(0.8487, 0.0),
    head_size=64,
    avae_config=FLUX_AVAE | {"scaling_factor": 0.8487, "shift_factor": 0.0},
    flux_latents=False,
    ctclip=CTCLIP,
    vocabulary_sha256=CXR_BERT_VOCABULARY,
    intensity=IntensityMap(black=-1.0, white=1.0, hu_black=AIR_HU, hu_white=1000),
    first_previous="zeros",
    text_parts=("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}"),
    guidance_trained=True,
    # Its makers declare 384 mm / the number of slices, which is this spacing for a whole volume alone.
    evidence=Evidence(axes="inferred", spacing="inferred", intensity="proved", text="inferred"),
)
SPECS = {recipe.name: recipe for recipe in (V1, V2)}


def card_of(
    recipe: Recipe, config: STDiTConfig, levels: int, max_tokens: int, cxr_bert: bool, origins: Origins
) -> ModelCard:
    """The card of a converted model. `levels`: how often its A-VAE halves the plane."""
    slices, rows, columns = config.input_size
    encoder = "CXR-BERT's own weights, first token: not what the model was trained with" if cxr_bert else "CT-CLIP"
    used = [part for part in RELEASED[recipe.name].parts if not (cxr_bert and part.name == "text")]
    weights = "the published weights" if origins.published else "weights as given"
    parts = "; ".join(f"{name}: {origin}" for name, origin in origins.parts.items())
    licences = "; ".join(f"{part.what}: {part.licence.split(',')[0]}" for part in used)
    return ModelCard(
        format=1,
        name=recipe.name,
        title=f"{recipe.title}, {weights}",
        notice="Synthetic: of no real patient. Not for diagnosis.",
        geometry=Geometry(
            slices, TRAINED_SLICES // slices, rows << levels, columns << levels, SPACING_MM, SPACING_MM, AXES
        ),
        intensity=recipe.intensity,
        latent=Latent(config.out_channels, rows, columns, *recipe.scale_and_shift),
        prediction="velocity",
        first_previous=recipe.first_previous,
        end=EndRule(tolerance=0.1, share=0.9),
        text=Text(encoder, recipe.text_parts, max_tokens),
        guidance=Guidance(recipe.guidance_trained, 1.0),
        defaults=Defaults("euler", 200, 1.0, TRAINED_SLICES // slices),
        evidence=recipe.evidence,
        provenance=f"Converted from {weights}{'; not parity: CXR-BERT instead of CT-CLIP' * cxr_bert}. {parts}.",
        licence=licences,
        good_for="Research on report-to-CT generation.",
        not_good_for="Anything clinical. Findings it draws need not be those of the report.",
    )

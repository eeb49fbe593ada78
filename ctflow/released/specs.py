"""What is known of each released model beyond its files. Every number here ends up in the model's card."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ctflow.card import Defaults, EndRule, Evidence, Geometry, Guidance, Latent, ModelCard, Text
from ctflow.checkpoint.catalog import RELEASED
from ctflow.checkpoint.config import autoencoder_json
from ctflow.hu import AIR_HU, IntensityMap
from ctflow.labels import LABELS
from ctflow.models.autoencoder_kl import AutoencoderKLConfig
from ctflow.models.ctclip import CTClipConfig
from ctflow.models.ctclip_input import CT_RATE_AXES
from ctflow.models.stdit_config import STDiTConfig
from ctflow.released.sources import Origins

VOXEL_MM = 1.5  # 384 mm are 256 pixels; in v2 they are 256 slices too
TRAINED_SLICES = 256  # training cropped volumes to this, so a model makes nothing sound beyond it

PUBLISHED_CTCLIP = CTClipConfig(
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
FLUX_AVAE = AutoencoderKLConfig(
    in_channels=3,
    out_channels=3,
    latent_channels=16,
    block_out_channels=(128, 256, 512, 512),
    layers_per_block=2,
    norm_num_groups=32,
    mid_block_add_attention=True,
)
# The config file of FLUX's A-VAE, because the shapes of its weights do not show all of it.
FLUX_AVAE_JSON = autoencoder_json(FLUX_AVAE)
FLUX_SCALE_AND_SHIFT = (0.3611, 0.1159)
# Part of TAEF1's config. Its scaling_factor and shift_factor are checked whenever it is loaded.
TAEF1_CONFIG: dict[str, Any] = {
    "act_fn": "relu",
    "upsample_fn": "nearest",
    "upsampling_scaling_factor": 2,
    "latent_magnitude": 3,
    "latent_shift": 0.5,
}
CXR_BERT_VOCABULARY_SHA256 = "e025f479c3a7ce6e248971bfe1b409708db0439e9488d30e254f81f27f75d678"  # of vocab.txt


@dataclass(frozen=True)
class ReleaseSpec:
    """How to read one released model.

    `scale_and_shift`: of the latents. `head_size`: of the transformer and of the text encoder.
    `avae_config`: what the config of the A-VAE must say, or the whole config if the A-VAE is a bare state dict.
    `flux_latents`: whether the A-VAE is FLUX's own. It was published with its config, and TAEF1 decodes its latents.
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


V1 = ReleaseSpec(
    name="ctflow-v1",
    title="CTFlow",
    scale_and_shift=FLUX_SCALE_AND_SHIFT,
    head_size=64,
    avae_config=FLUX_AVAE_JSON | dict(zip(("scaling_factor", "shift_factor"), FLUX_SCALE_AND_SHIFT, strict=True)),
    flux_latents=True,
    ctclip=PUBLISHED_CTCLIP,
    vocabulary_sha256=CXR_BERT_VOCABULARY_SHA256,
    intensity=IntensityMap(black=0.0, white=1.0, hu_black=AIR_HU, hu_white=1400),
    first_previous="black",
    # The paper's figure shows these words. The separators and the place of the length are our reading of it.
    text_parts=("Findings: {findings}", "Impressions: {impression}", "Length: 256"),
    guidance_trained=False,
    evidence=Evidence(axes="inferred", spacing="inferred", intensity="proved", text="inferred"),
)
V2 = ReleaseSpec(
    name="ctflow-v2",
    title="CTFlow v2",
    scale_and_shift=(0.8487, 0.0),
    head_size=64,
    avae_config=FLUX_AVAE_JSON | {"scaling_factor": 0.8487, "shift_factor": 0.0},
    flux_latents=False,
    ctclip=PUBLISHED_CTCLIP,
    vocabulary_sha256=CXR_BERT_VOCABULARY_SHA256,
    intensity=IntensityMap(black=-1.0, white=1.0, hu_black=AIR_HU, hu_white=1000),
    first_previous="zeros",
    text_parts=("[Sex: {sex}]", "[Age: {age:03d}Y]", "Findings: {findings}", "Impression: {impression}"),
    guidance_trained=True,
    # Its authors declare 384 mm divided by the number of slices, which is this spacing for whole volumes only.
    evidence=Evidence(axes="inferred", spacing="inferred", intensity="proved", text="inferred"),
)
SPECS: Mapping[str, ReleaseSpec] = {spec.name: spec for spec in (V1, V2)}


def card_of(
    spec: ReleaseSpec, config: STDiTConfig, halvings: int, max_tokens: int, cxr_bert: bool, origins: Origins
) -> ModelCard:
    """The card of a converted model. `halvings`: how often its A-VAE halves the plane."""
    slices, rows, columns = config.input_size
    scale, shift = spec.scale_and_shift
    encoder = "CXR-BERT's own weights, first token: not what the model was trained with" if cxr_bert else "CT-CLIP"
    used = [part for part in RELEASED[spec.name].parts if not (cxr_bert and part.name == "text")]
    weights = "the published weights" if origins.published else "weights as given"
    caveat = "; not parity: CXR-BERT instead of CT-CLIP" if cxr_bert else ""
    parts = "; ".join(f"{name}: {origin}" for name, origin in origins.parts.items())
    licences = "; ".join(f"{part.what}: {part.licence.split(',')[0]}" for part in used)
    return ModelCard(
        format=1,
        name=spec.name,
        title=f"{spec.title}, {weights}",
        notice="Synthetic: of no real patient. Not for diagnosis.",
        geometry=Geometry(
            slices_per_chunk=slices,
            max_chunks=TRAINED_SLICES // slices,
            rows=rows << halvings,
            columns=columns << halvings,
            slice_spacing_mm=VOXEL_MM,
            pixel_spacing_mm=VOXEL_MM,
            axes=CT_RATE_AXES,  # the latents were made from CT-RATE's arrays
        ),
        intensity=spec.intensity,
        latent=Latent(channels=config.out_channels, rows=rows, columns=columns, scale=scale, shift=shift),
        prediction="velocity",
        first_previous=spec.first_previous,
        end=EndRule(tolerance=0.1, share=0.9),
        text=Text(encoder=encoder, parts=spec.text_parts, max_tokens=max_tokens),
        guidance=Guidance(trained=spec.guidance_trained, default=1.0),
        defaults=Defaults(solver="euler", steps=200, shift=1.0, chunks=TRAINED_SLICES // slices),
        evidence=spec.evidence,
        provenance=f"Converted from {weights}{caveat}. {parts}.",
        licence=licences,
        good_for="Research on report-to-CT generation.",
        not_good_for="Anything clinical. Findings it draws need not be those of the report.",
    )

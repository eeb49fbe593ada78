"""Our CT-CLIP against numbers made by its public code (ORIGIN.md beside them), step by step."""

import copy
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ctflow.labels import LABELS
from ctflow.models.bert import Bert, BertConfig
from ctflow.models.ctclip import CTClip, CTClipConfig, clip_score
from ctflow.models.ctclip_input import HU_RANGE, on_challenge_grid, on_clip_grid, prompts
from ctflow.models.text import TextEncoder
from ctflow.runtime.device import resolve_device

GOLDEN = Path(__file__).parent / "ctclip"
CONFIG = json.loads((GOLDEN / "config.json").read_text(encoding="utf-8"))
ATOL = CONFIG["suggested_atol"]
SPACING_MM = (1.5, 0.75, 0.75)
CASES = ["case0", "case1", "case2"]
Golden = dict[str, torch.Tensor]


def clip_config() -> CTClipConfig:
    sizes = CONFIG["ctvit"] | {name: CONFIG["clip"][name] for name in ("dim_text", "dim_latent")}
    return CTClipConfig(**sizes, slices=9, spacing_mm=SPACING_MM, labels=LABELS)


@pytest.fixture(scope="module")
def weights() -> Golden:
    return load_file(GOLDEN / "weights.safetensors")


@pytest.fixture(scope="module")
def clip(weights: Golden) -> CTClip:
    clip = CTClip(clip_config())
    clip.load_state_dict({name: weights[name] for name in clip.state_dict()})
    return clip.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def text(weights: Golden) -> TextEncoder:
    return TextEncoder(bert(weights, "text_transformer."), None, 64).eval()  # type: ignore[arg-type]


def bert(weights: Golden, prefix: str) -> Bert:
    model = Bert(BertConfig(**{field.name: CONFIG["bert"][field.name] for field in fields(BertConfig)}))
    model.load_state_dict({name: weights[prefix + name] for name in model.state_dict()})
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def io() -> Golden:
    return load_file(GOLDEN / "io.safetensors")


def close(found: torch.Tensor, expected: torch.Tensor, atol: float) -> None:
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, atol=atol, rtol=0)


@pytest.mark.parametrize("case", CASES)
def test_the_image_tower_step_by_step(clip: CTClip, io: Golden, case: str) -> None:
    tower, seen = clip.visual_transformer, {}
    for part in ("spatial", "temporal"):
        layer = getattr(tower, f"enc_{part}_transformer").layers[0]
        for place, name in (("0", "peg"), ("1", "attn")):
            key = f"{part}_layer0_{name}"
            layer[place].register_forward_hook(lambda _, __, out, key=key: seen.update({key: out}))
    patches = tower.patches(io[f"{case}.image"])
    planes = tower.in_planes(patches)
    tokens = tower.along_slices(planes)
    close(patches, io[f"{case}.patch_embed"], ATOL["patch_embed"])
    close(tower.spatial_rel_pos_bias(4), io[f"{case}.spatial_pos_bias"], ATOL["spatial_pos_bias"])
    for key, found in seen.items():
        close(found, io[f"{case}.{key}"], ATOL["peg_and_attn_intermediates"])
    assert len(seen) == 4
    close(planes, io[f"{case}.spatial_out"], ATOL["spatial_out"])
    close(tokens, io[f"{case}.pre_vq_tokens"], ATOL["pre_vq_tokens"])
    assert torch.equal(tower.vq._codebook.indices(tokens), io[f"{case}.vq_indices"])
    close(tower(io[f"{case}.image"]), io[f"{case}.image_tokens"], ATOL["image_tokens"])


@pytest.mark.parametrize("case", CASES)
def test_latents_and_similarities(clip: CTClip, text: TextEncoder, io: Golden, case: str) -> None:
    ids, mask = io[f"{case}.input_ids"], io[f"{case}.attention_mask"]
    states = text.bert(ids, mask)[-1]
    image = clip.image_latent(io[f"{case}.image"])
    close(states, io[f"{case}.bert_last_hidden_state"], ATOL["bert_last_hidden_state"])
    close(image, io[f"{case}.image_latent"], ATOL["image_latent"])
    close(clip.text_latent(states[:, 0]), io[f"{case}.text_latent"], ATOL["text_latent"])
    token = text(ids, mask)
    close(token[:, None], io[f"{case}.ctflow_text_token"], ATOL["text_embed"])
    # The text token of CTFlow has unit length, which the projection does not see.
    close(clip.text_latent(token), io[f"{case}.text_latent"], ATOL["text_latent"])
    matrix = clip.logits(clip.text_latent(token), image)
    close(matrix, io[f"{case}.similarity_matrix"], ATOL["similarity_matrix"])
    close(matrix.diagonal(), io[f"{case}.similarity"], ATOL["similarity"])


@pytest.mark.gpu
@pytest.mark.parametrize("case", CASES)
def test_the_image_latent_on_a_gpu(clip: CTClip, io: Golden, case: str) -> None:
    """In float32 that is not rounded to TF32, which could choose another code of the codebook."""
    device = resolve_device("cuda")
    found = copy.deepcopy(clip).to(device).image_latent(io[f"{case}.image"].to(device)).cpu()
    close(found, io[f"{case}.image_latent"], 10 * ATOL["image_latent"])


def test_zero_shot_probabilities(clip: CTClip, text: TextEncoder, io: Golden) -> None:
    ids, mask = (io[f"zeroshot.prompt_{name}"].flatten(0, 1) for name in ("input_ids", "attention_mask"))
    prompt_latents = clip.text_latent(text(ids, mask)).unflatten(0, (18, 2))
    image = clip.image_latent(io["zeroshot.image"])
    close(prompt_latents, io["zeroshot.text_latent"], ATOL["text_latent"])
    close(image, io["zeroshot.image_latent"], ATOL["image_latent"])
    logits = clip.logits(prompt_latents, image).permute(2, 0, 1)
    close(logits, io["zeroshot.logits"], ATOL["zeroshot_logits"])
    close(clip.present(prompt_latents, image), io["zeroshot.present_probability"], ATOL["zeroshot_probability"])


def test_the_labels_and_prompts_are_ct_rates() -> None:
    golden = json.loads((GOLDEN / "labels.json").read_text(encoding="utf-8"))
    assert list(LABELS) == golden["pathologies"]
    templates = golden["prompt_templates"].values()
    assert prompts(LABELS) == [tuple(t.format(pathology=label) for t in templates) for label in LABELS]


def stored(array: torch.Tensor) -> np.ndarray:
    """The fixtures lie (x, y, z)."""
    return array.numpy().transpose(2, 0, 1)


PREPROCESS = json.loads((GOLDEN / "preprocess.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", "ABCD")
def test_preprocessing_is_ct_clips(case: str) -> None:
    golden, facts = load_file(GOLDEN / "preprocess.safetensors"), PREPROCESS["cases"][case]
    hu = stored(golden[f"{case}.raw"]) * facts["rescale_slope"] + facts["rescale_intercept"]
    spacing_mm = (facts["z_spacing"], facts["xy_spacing"], facts["xy_spacing"])
    expected = golden[f"{case}.output"]
    close(on_clip_grid(hu, spacing_mm, expected.shape[1:], SPACING_MM), expected, ATOL["preprocess_output"])
    if full := facts.get("unmodified_full_size"):
        whole = on_clip_grid(hu, spacing_mm, full["shape"][1:], SPACING_MM)
        block = golden[f"{case}.resampled"].permute(2, 0, 1)
        where = tuple(slice(s, s + n) for s, n in zip(full["block_start_z_x_y"], block.shape, strict=True))
        close(whole[0][where], block, ATOL["preprocess_output"])
        whole[0][where] = -1
        assert (whole == -1).all()


@pytest.mark.parametrize("row", PREPROCESS["size_table"] + PREPROCESS["size_truncation_hazards"])
def test_a_size_is_cut_down_as_the_released_floating_point_does(row: dict[str, Any]) -> None:
    """30 slices of 0.6 mm are 23 of 0.75 mm there, and not 24."""
    axis = {1.5: 0, 0.75: 1}[row["target"]]
    shape, spacing, size = [1, 1, 1], [1.5, 0.75, 0.75], [1, 1, 1]
    shape[axis], spacing[axis], size[axis] = row["n"], row["spacing"], 2 * row["new"]
    found = on_clip_grid(np.full(shape, 1000), tuple(spacing), tuple(size), SPACING_MM)
    assert int((found > 0).sum()) == row["new"]


@pytest.mark.parametrize("name", ["gen", "ref"])
def test_the_challenge_prepares_and_scores_volumes_in_its_own_way(clip: CTClip, text: TextEncoder, name: str) -> None:
    golden = load_file(GOLDEN / "vlm3d_clipscore.safetensors")
    facts = json.loads((GOLDEN / "vlm3d_clipscore.json").read_text(encoding="utf-8"))
    x, y, z = facts[name]["spacing_xyz"]
    hu = on_challenge_grid(stored(golden[f"{name}.raw_xyz"]), (z, x, y), (9, 20, 20), SPACING_MM)
    close(hu, golden[f"{name}.volume_hu"], 1e-3)
    image = hu[None, None] / HU_RANGE
    close(image, golden[f"{name}.model_input"], 1e-6)
    latent = clip.image_latent(image)
    close(latent, golden[f"{name}.image_latent"], ATOL["image_latent"])
    prompt = clip.text_latent(text(golden["prompt_input_ids"], golden["prompt_attention_mask"]))
    close(prompt, golden["text_latent"], ATOL["text_latent"])
    score = {"gen": "clipscore_image_text", "ref": "clipscore_ref_text"}[name]
    close(clip_score(prompt, latent)[0], golden[score], 1e-3)
    other = golden["ref.image_latent"] if name == "gen" else golden["gen.image_latent"]
    close(clip_score(latent, other)[0], golden["clipscore_i2i"], 1e-3)


@pytest.mark.parametrize("case", ["case0", "case2"])
def test_cxr_berts_own_weights_give_their_own_token(case: str) -> None:
    golden = load_file(GOLDEN / "cxrbert_io.safetensors")
    text = TextEncoder(bert(load_file(GOLDEN / "cxrbert_weights.safetensors"), "bert."), None, 64)  # type: ignore[arg-type]
    ids, mask = golden[f"{case}.input_ids"], golden[f"{case}.attention_mask"]
    states = text.bert(ids, mask)[-1]
    close(states, golden[f"{case}.last_hidden_state"], ATOL["cxrbert"])
    close(text(ids, mask)[:, None], golden[f"{case}.ctflow_token"], ATOL["cxrbert"])

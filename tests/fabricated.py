"""Released files, fabricated: exactly the layout of each part, at a tiny size."""

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import load_file, save_file

from ctflow.commands import convert as command
from ctflow.released.hub import fetch
from ctflow.released.install import fetch_and_convert
from ctflow.released.sources import Sources
from ctflow.released.specs import FLUX_AVAE_JSON, V1, V2, ReleaseSpec
from tests.golden.test_ctclip import CONFIG as CTCLIP_FACTS
from tests.golden.test_ctclip import clip_config

GOLDEN = Path(__file__).parent / "golden"
VOCABULARY = json.loads((GOLDEN / "ctclip/labels.json").read_text())["tiny_tokenizer"]["vocab"]
TINY_FLUX = FLUX_AVAE_JSON | {"block_out_channels": [8, 8, 8, 8], "latent_channels": 4, "norm_num_groups": 2}
SCALE = {"scaling_factor": 0.3611, "shift_factor": 0.1159}
VOCABULARY_TEXT = "\n".join(VOCABULARY) + "\n"
VOCABULARY_SHA256 = hashlib.sha256(VOCABULARY_TEXT.encode()).hexdigest()
TINY = {"ctclip": clip_config(), "vocabulary_sha256": VOCABULARY_SHA256, "head_size": 12}
TINY_V1 = replace(V1, **TINY, avae_config=TINY_FLUX | SCALE)
TINY_V2 = replace(V2, **TINY, avae_config=TINY_FLUX | {"scaling_factor": 0.8487, "shift_factor": 0.0})
TINY_SPECS = {spec.name: spec for spec in (TINY_V1, TINY_V2)}
WEIGHTS = "diffusion_pytorch_model.safetensors"


@dataclass(frozen=True)
class Released:
    """The spec at a tiny size, and the files that go with it."""

    spec: ReleaseSpec
    sources: Sources


def fabricated(folder: Path, name: str) -> Released:
    """ctflow-v1 or ctflow-v2 as published, with random weights."""
    torch.manual_seed(0)
    v1 = name == "ctflow-v1"
    folder.mkdir(parents=True)
    avae = _avae_folder(folder / "vae") if v1 else _avae_state_dict(folder / "avae.pt")
    sources = Sources(
        denoiser=_denoiser(folder / "denoiser_ema"),
        avae=avae,
        text=_ctclip(folder / "CT-CLIP_v2.pt"),
        tokenizer=_tokenizer(folder / "cxr"),
        cxr_bert=False,
    )
    return Released(TINY_SPECS[name], sources)


def run_convert(*words: str, fetch: Callable[[str, tuple[str, ...]], Path] = fetch) -> None:
    """`python -m ctflow convert` with these words, the tiny specs and, perhaps, another hub."""
    parser = argparse.ArgumentParser()
    command.add_to(parser.add_subparsers())
    command.run(parser.parse_args(["convert", *words]), partial(fetch_and_convert, specs=TINY_SPECS, fetch=fetch))


def words_of(sources: Sources) -> list[str]:
    """The arguments of `convert` that name these files."""
    parts = ("denoiser", "avae", "text", "tokenizer")
    return [word for part in parts for word in (f"--{part}", str(getattr(sources, part)))]


def taef1_folder(folder: Path, **changes: object) -> Path:
    """TAEF1 as published, but for the tiny latents; `changes` are fields of its config."""
    torch.manual_seed(1)
    channels, blocks = (8, 8, 8, 8), (1, 1, 1, 1)
    tiny = AutoencoderTiny(
        encoder_block_out_channels=channels,
        decoder_block_out_channels=channels,
        num_encoder_blocks=blocks,
        num_decoder_blocks=blocks,
        latent_channels=4,
    )
    tiny.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def edit_json(path: Path, **values: object) -> None:
    """Sets `values` in a file that exists."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def cxr_bert_file(path: Path) -> Path:
    """CXR-BERT's own weights, as they are on the hub."""
    torch.save(load_file(GOLDEN / "ctclip/cxrbert_weights.safetensors"), path)
    return path


def _denoiser(folder: Path) -> Path:
    """The golden transformer, its text widened to that of the tiny BERT."""
    folder.mkdir()
    golden = GOLDEN / "ctflow_v1/denoiser_ema"
    weights = load_file(golden / WEIGHTS)
    width = CTCLIP_FACTS["bert"]["hidden_size"]
    for name, tensor in weights.items():
        if name in ("model.y_embedder.y_proj.fc1.weight", "model.y_embedder.y_embedding"):
            weights[name] = torch.randn(tensor.shape[0], width) / width**0.5
    save_file(weights, folder / WEIGHTS)
    config = json.loads((golden / "config.json").read_text()) | {"caption_channels": width}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _avae_folder(folder: Path) -> Path:
    AutoencoderKL.from_config(TINY_FLUX | SCALE).save_pretrained(folder)
    return folder


def _avae_state_dict(path: Path) -> Path:
    torch.save(AutoencoderKL.from_config(TINY_FLUX).state_dict(), path)
    return path


def _ctclip(path: Path) -> Path:
    torch.save(load_file(GOLDEN / "ctclip/weights.safetensors"), path)
    return path


def _tokenizer(folder: Path) -> Path:
    """CXR-BERT's folder: its vocabulary, and configs that name code of its authors."""
    folder.mkdir()
    (folder / "vocab.txt").write_bytes(VOCABULARY_TEXT.encode())
    remote = {"AutoTokenizer": ["configuration_cxrbert.CXRBertTokenizer", None]}
    tokenizer = {"do_lower_case": True, "tokenizer_class": "CXRBertTokenizer", "auto_map": remote}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    config = CTCLIP_FACTS["bert"] | {"model_type": "cxr-bert", "projection_size": 16, "auto_map": {}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder

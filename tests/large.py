"""`python -m tests.large FOLDER`: converts and runs files of the published sizes and layout, with random weights.

Prints how much memory conversion and generation on a CPU take at most. Needs 8 GB of disk in FOLDER, which it frees
again, 6 GB of memory and about ten minutes.
"""

import hashlib
import json
import multiprocessing
import resource
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from safetensors.torch import save_file

from ctflow.benchmark.subject import published_config
from ctflow.checkpoint.weights import read_shapes
from ctflow.models.stdit import STDiT
from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.released.sources import Sources
from ctflow.released.specs import V1
from ctflow.report import Report
from tests.fabricated import GOLDEN, VOCABULARY, WEIGHTS

CONFIG = published_config("L")
RELEASED_FIELDS = ("input_size", "patch_size", "in_channels", "out_channels", "hidden_size", "depth", "num_heads",
                   "mlp_ratio", "caption_channels")  # fmt: skip


def fabricated(folder: Path) -> int:
    """Writes the four parts of ctflow-v1. Returns the number of files."""
    torch.manual_seed(0)
    for name in ("denoiser", "cxr"):
        (folder / name).mkdir(parents=True)
    weights = {f"model.{name}": tensor for name, tensor in STDiT(CONFIG).state_dict().items()}
    save_file(weights, folder / "denoiser" / WEIGHTS)
    config = {name: value for name, value in asdict(CONFIG).items() if name in RELEASED_FIELDS}
    (folder / "denoiser/config.json").write_text(json.dumps({"_class_name": "DiffuserSTDiT", **config}))
    AutoencoderKL.from_config(V1.avae_config).save_pretrained(folder / "vae")
    keys = json.loads((GOLDEN / "ctclip/real_keys.json").read_text())["ct_clip_v2"]["keys"]
    torch.save({name: _random(shape, dtype) for name, (shape, dtype) in keys.items()}, folder / "CT-CLIP_v2.pt")
    bert = json.loads((GOLDEN / "ctclip/config.json").read_text())["real"]["bert"]
    (folder / "cxr/config.json").write_text(json.dumps({**bert, "model_type": "cxr-bert"}))
    words = [*VOCABULARY, *(f"[filler{i}]" for i in range(bert["vocab_size"] - len(VOCABULARY)))]
    (folder / "cxr/vocab.txt").write_text("\n".join(words) + "\n")
    return sum(path.is_file() for path in folder.rglob("*"))


def _random(shape: list[int], dtype: str) -> torch.Tensor:
    kind = getattr(torch, dtype.removeprefix("torch."))
    return torch.randn(shape).mul(0.02).to(kind) if kind.is_floating_point else torch.arange(shape[-1]).expand(shape)


def converted(folder: Path) -> int:
    """Converts them. Returns the number of tensors in the transformer."""
    vocabulary = hashlib.sha256((folder / "cxr/vocab.txt").read_bytes()).hexdigest()
    sources = Sources(
        denoiser=folder / "denoiser",
        avae=folder / "vae",
        text=folder / "CT-CLIP_v2.pt",
        tokenizer=folder / "cxr",
        cxr_bert=False,
    )
    convert(replace(V1, vocabulary_sha256=vocabulary), sources, folder / "model")
    return len(read_shapes(folder / "model/transformer" / WEIGHTS))


def generated(folder: Path) -> int:
    """Makes one chunk. Returns the number of its slices."""
    model = CTFlow.load(folder / "model", "cpu")
    report = Report("No pleural effusion.")
    return len(model.generate(model.card.request(report, seed=0, solver="euler", steps=2, chunks=1)).hu)


def _with_memory(job: Callable[[Path], int], folder: Path) -> tuple[int, float]:
    """-> what the job returns, and how many GB its process took at most."""
    count = job(folder)
    return count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main(folder: Path) -> None:
    """Prints a line for each job."""
    files = folder / "large"
    try:
        for job, what in ((fabricated, "files"), (converted, "tensors in the transformer"), (generated, "slices")):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
                count, gb = process.submit(_with_memory, job, files).result()
            print(f"{job.__name__}: {count} {what}, {gb:.1f} GB at most", flush=True)
    finally:
        shutil.rmtree(files, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

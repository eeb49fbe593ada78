"""From addresses to a checkpoint folder: fetches the parts of a released model and converts them."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ctflow.card import ModelCard
from ctflow.released.convert import check_taef1, convert
from ctflow.released.hub import fetch
from ctflow.released.sources import Sources
from ctflow.released.specs import SPECS, ReleaseSpec

# Which files of a folder on the hub are fetched, by the name of the part.
FILE_PATTERNS = {
    "denoiser": ("config.json", "*.safetensors", "*.safetensors.index.json"),
    "avae": ("config.json", "*.safetensors", "*.safetensors.index.json"),
    "text": ("*",),
    "tokenizer": ("*.json", "*.txt"),
    "taef1": ("config.json", "*.safetensors", "*.safetensors.index.json"),
}


def fetch_and_convert(
    model: str,
    addresses: Mapping[str, str],
    out: Path,
    *,
    cxr_bert: bool,
    say: Callable[[str], None],
    specs: Mapping[str, ReleaseSpec] = SPECS,
    fetch: Callable[[str, tuple[str, ...]], Path] = fetch,
) -> ModelCard:
    """Makes the checkpoint folder `out`. `addresses`: of each part by its name, see `fetch`; `say` gets each of them.

    Raises CheckpointError for what cannot be fetched or does not fit.
    """
    if "taef1" in addresses:
        check_taef1(specs[model])
    found = {}
    for name, address in addresses.items():
        say(f"{name} from {address}")
        found[name] = fetch(address, FILE_PATTERNS[name])
    return convert(specs[model], Sources(**found, cxr_bert=cxr_bert, addresses=addresses), out)

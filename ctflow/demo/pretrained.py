"""The public sentence model that the text encoder begins from: all-MiniLM-L6-v2 (Wang et al., 2020; Reimers, 2021)."""

from tokenizers import Tokenizer

from ctflow.checkpoint.config import new_bert
from ctflow.checkpoint.folder import TOKENIZER, TRANSFORMERS_WEIGHTS, load_tokenizer
from ctflow.checkpoint.weights import CONFIG, file_sha256, fill, read_weights
from ctflow.errors import CheckpointError
from ctflow.models.bert import Bert
from ctflow.released.hub import fetch

NAME, LICENCE = "sentence-transformers/all-MiniLM-L6-v2", "Apache-2.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Published beside the layers: a head of another task, and a table of 0, 1, 2 …
NOT_USED = ("pooler.", "embeddings.position_ids")


def load_pretrained(source: str, sha256: str = SHA256) -> tuple[Bert, Tokenizer]:
    """The network and its tokenizer, from a name on the hub or a folder of the same files.

    `sha256`: of the weights. Raises CheckpointError for other weights, or if they cannot be had.
    """
    folder = fetch(source, (CONFIG, TRANSFORMERS_WEIGHTS, TOKENIZER))
    weights = folder / TRANSFORMERS_WEIGHTS
    if not weights.is_file():
        raise CheckpointError(f"{folder} has no {TRANSFORMERS_WEIGHTS}: give the folder of {NAME}, or that name.")
    if (found := file_sha256(weights)) != sha256:
        raise CheckpointError(
            f"{weights} has the SHA-256 {found[:8]}…, and {sha256[:8]}… was expected: give {NAME} as it is published."
        )
    bert = new_bert(folder / CONFIG)
    tensors = {name: tensor for name, tensor in read_weights(weights).items() if not name.startswith(NOT_USED)}
    fill(bert, tensors, weights)
    return bert, load_tokenizer(folder)

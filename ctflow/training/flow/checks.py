"""Whether config, data sets and models of `train flow` fit each other: what does not would be learnt in silence."""

from pathlib import Path

from ctflow.card import CARD, read_card
from ctflow.data.encoder import encoders_sha256
from ctflow.data.shards import Shards
from ctflow.errors import RequestError
from ctflow.training.flow.config import FlowConfig

_OF_CARDS = ("geometry", "intensity", "latent", "text")  # what a card and a data set both say


def check_model(folder: Path, shards: Shards) -> None:
    """Raises RequestError unless a model has the networks that the data set was encoded with, and says the same of its
    latents: the model that is written takes over what the card says."""
    if encoders_sha256(folder) != shards.facts.encoders_sha256:
        raise RequestError(
            f"{folder} has another A-VAE or text encoder than the one that {shards.folder} was prepared with, "
            f"{shards.facts.model}. Give that one, or prepare the data with this one."
        )
    card = read_card(folder / CARD)
    for name in _OF_CARDS:
        if getattr(card, name) != getattr(shards.facts, name):
            raise RequestError(
                f"{folder / CARD} says another {name} than {shards.folder} was prepared with: mend it, or prepare the "
                "data anew."
            )


def check_prediction(begin_with: Path, config: FlowConfig) -> None:
    """Raises RequestError where a model that is trained further answers with something else than is asked for."""
    answers, asked = read_card(begin_with / CARD).prediction, config.objective.prediction
    if answers != asked:
        raise RequestError(
            f"{begin_with} answers with the {answers}, and objective.prediction is {asked}: write the same there."
        )


def check_parts(config: FlowConfig, shards: Shards) -> None:
    """Raises RequestError for shares that are not of the parts that the data set's reports have: a part without a
    share would be left out of every sample."""
    shares, parts = config.samples.parts_kept, shards.facts.text.parts
    if shares and len(shares) != len(parts):
        raise RequestError(
            f"samples.parts_kept has {len(shares)} shares, and the reports of {shards.folder} have {len(parts)} parts: "
            f"{', '.join(parts)}. Give one for each, or [] to keep all."
        )


def check_validation_set(valid: Shards, shards: Shards) -> None:
    """Raises RequestError unless both sets hold the same kind of latents and texts, and share no patient or scan."""
    for name in ("encoders_sha256", *_OF_CARDS):
        if getattr(shards.facts, name) != getattr(valid.facts, name):
            raise RequestError(
                f"{valid.folder} was prepared with another {name} than {shards.folder}: prepare it with the same model."
            )
    if both := {row.patient for row in shards.rows} & {row.patient for row in valid.rows}:
        raise RequestError(
            f"{valid.folder} has {len(both)} patients of {shards.folder}, {min(both)} among them: a model would be "
            "judged on what it learnt from. Validate on other patients."
        )
    taught = {row.source_sha256: row.name for row in shards.rows}
    if again := [row for row in valid.rows if row.source_sha256 in taught]:
        raise RequestError(
            f"{valid.folder} has {len(again)} scans of {shards.folder}, byte for byte, as those of other patients: "
            f"{again[0].name} is {taught[again[0].source_sha256]} there. Find out whose they are."
        )

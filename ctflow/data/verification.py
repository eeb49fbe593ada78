"""Proves that a data set is whole: that every volume of the tables is in it or listed as left out, and undamaged."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ctflow.data.lock import only_run
from ctflow.data.manifest import VERIFIED, SetFacts, read_rejections, set_sha256
from ctflow.data.packing import PARTS
from ctflow.data.preparation import check_facts
from ctflow.data.shard_writer import encoded_sha256
from ctflow.data.shards import LOG_VARIANCE, MEAN, SHARDS, TEXT, Shards
from ctflow.data.sources import Source
from ctflow.errors import DatasetError
from ctflow.io.files import write_atomic

MOST_NAMED = 5  # of the volumes with one fault


def verify(folder: Path, sources: Sequence[Source], facts: SetFacts) -> Iterator[str]:
    """Checks the set of `facts`, yields the name of each volume that it has checked, and marks the set as verified.

    Raises DatasetError that names what is missing, damaged or not expected; the set is not marked then.
    """
    with only_run(folder):
        check_facts(folder, facts)
        (folder / VERIFIED).unlink(missing_ok=True)
        shards = Shards(folder, verified=False)
        _check_complete(folder, shards, sources)
        _check_files(folder, shards)
        damaged = []
        for number, row in enumerate(shards.rows):
            if stored_sha256(shards, number) != row.sha256:
                damaged.append(row.name)
            yield row.name
        _raise_for("holds volumes that are damaged", damaged, folder, "Copy the set again, or prepare it anew.")
        write_atomic(folder / VERIFIED, f"{set_sha256(folder)}\n".encode())


def stored_sha256(shards: Shards, number: int) -> str:
    """The hash of what a set stores of a volume."""
    latents, text = shards.latents(number), shards.text(number)
    stored = {MEAN: latents.mean, LOG_VARIANCE: latents.log_variance, TEXT: text[None]}
    return encoded_sha256({name: tensor.numpy() for name, tensor in stored.items()})


def _check_complete(folder: Path, shards: Shards, sources: Sequence[Source]) -> None:
    expected = [source.name for source in sources]
    patients = {source.name: source.patient for source in sources}
    prepared = {row.name for row in shards.rows}
    rejected = {one.name for one in read_rejections(folder)}
    missing = [name for name in expected if name not in prepared | rejected]
    _raise_for("lacks volumes of the tables", missing, folder, "Call prepare without --verify: it makes them.")
    unknown = sorted((prepared | rejected) - set(expected))
    _raise_for("holds volumes that no table names", unknown, folder, "Prepare the set anew.")
    both = sorted(prepared & rejected)
    _raise_for("holds volumes that it lists as left out", both, folder, "Prepare the set anew.")
    strange = [row.name for row in shards.rows if row.patient != patients[row.name]]
    _raise_for("names another patient than the tables for volumes", strange, folder, "Prepare the set anew.")


def _check_files(folder: Path, shards: Shards) -> None:
    """Raises DatasetError for files beside those that make up the set."""
    unknown = {path.name for path in (folder / SHARDS).glob("*")} - {row.shard for row in shards.rows}
    _raise_for("holds shards that its manifest does not name", sorted(unknown), folder, "Remove them.")
    if (folder / PARTS).is_dir() and any((folder / PARTS).iterdir()):
        raise DatasetError(f"{folder / PARTS} holds volumes that were not packed. Call prepare without --verify.")


def _raise_for(what: str, names: Sequence[str], folder: Path, advice: str) -> None:
    if names:
        more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
        raise DatasetError(f"{folder} {what}: {', '.join(names[:MOST_NAMED])}{more}. {advice}")

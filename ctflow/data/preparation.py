"""From sources to a data set: what is missing is encoded, and packed in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ctflow.card import CARD, ModelCard, read_card
from ctflow.data.ctrate import Split
from ctflow.data.encoder import encoders_sha256
from ctflow.data.encoding import EncodeAll, EncodingJob, Outcome
from ctflow.data.lock import only_run
from ctflow.data.manifest import SET, VERIFIED, SetFacts, read_facts, write_facts
from ctflow.data.packing import PARTS, Packer
from ctflow.data.sources import Source, sources_sha256
from ctflow.errors import DatasetError

SHARD_BYTES = 10**9
# What it means that a hash in the facts is another.
_IN_WORDS = {
    "reports_sha256": "its volumes, patients or reports are others",
    "encoders_sha256": "its A-VAE or text encoder is another",
}


def facts_of(
    model: Path,
    sources: Sequence[Source],
    *,
    split: Split | None,
    one_per_patient: bool,
    precision: str,
    shard_bytes: int = SHARD_BYTES,
) -> SetFacts:
    """What the data set of these sources is. Raises CTFlowError for a folder that is no checkpoint."""
    card: ModelCard = read_card(model / CARD)
    return SetFacts(
        format=1,
        split=split,
        one_per_patient=one_per_patient,
        reports_sha256=sources_sha256(sources),
        model=card.name,
        encoders_sha256=encoders_sha256(model),
        precision=precision,
        geometry=card.geometry,
        intensity=card.intensity,
        latent=card.latent,
        text=card.text,
        shard_bytes=shard_bytes,
    )


def prepare(
    folder: Path,
    model: Path,
    sources: Sequence[Source],
    facts: SetFacts,
    device: str,
    encode_all: EncodeAll,
    slices: int | None = None,
    *,
    retry: bool = False,
) -> Iterator[Outcome]:
    """Prepares the data set of `facts` in `folder`, or goes on with it, and says what became of each source.

    `device` and `slices`: see `VolumeEncoder`. `retry`: whether volumes that were left out are tried once more, since
    their files were mended.

    Those that were finished before are not said again. Raises DatasetError for a folder that holds another set or is in
    use, CTFlowError where the work cannot go on.
    """
    with only_run(folder):
        _begin(folder, facts)
        packer = Packer(folder, sources, facts.shard_bytes, retry=retry)
        if missing := packer.missing:
            (folder / VERIFIED).unlink(missing_ok=True)
            job = EncodingJob(
                model=model,
                folder=folder,
                device=device,
                precision=facts.precision,
                slices=slices,
                geometry=facts.geometry,
            )
            job.encoder().write_codes(folder)
            for outcome in encode_all(job, [(number, sources[number]) for number in missing]):
                _note(packer, outcome)
                yield outcome
        packer.pack(last=True)
        if not packer.rows:
            raise DatasetError(f"{folder} holds no volume: all {len(sources)} were left out, see rejected.jsonl there.")


def _note(packer: Packer, outcome: Outcome) -> None:
    if outcome.reason:
        packer.reject(outcome.number, outcome.reason)
    else:
        packer.encoded(outcome.number, outcome.size_bytes)
    packer.pack()


def _begin(folder: Path, facts: SetFacts) -> None:
    """Writes the facts of a new set, and checks those of one that was begun."""
    if not (folder / SET).exists():
        if (folder / PARTS).exists():
            raise DatasetError(f"{folder / SET} is missing, and parts of a data set are there. Name another folder.")
        write_facts(folder, facts)
    check_facts(folder, facts)


def check_facts(folder: Path, facts: SetFacts) -> None:
    """Raises DatasetError that names what differs if the folder holds another set than that of `facts`."""
    found = vars(read_facts(folder))
    differences = [
        _IN_WORDS.get(name) or f"{name} is {found[name]}, not {value}"
        for name, value in vars(facts).items()
        if found[name] != value
    ]
    if differences:
        raise DatasetError(
            f"{folder} holds another data set than the one asked for: {'; '.join(differences)}. Name another folder."
        )

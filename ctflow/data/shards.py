"""A prepared data set to train from: the latents of volumes and the embeddings of their reports, memory-mapped."""

from collections import Counter
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ctflow.data.manifest import CODES, VERIFIED, ManifestRow, read_facts, read_manifest, set_sha256
from ctflow.errors import DatasetError
from ctflow.models.autoencoder_kl import Posterior

SHARDS = "shards"
MEAN, LOG_VARIANCE, TEXT = "mean", "log_variance", "text"  # the tensors of a shard
BLACK, WHITE = "black", "white"  # those of CODES
_AGAIN = "Copy the data set again, or prepare it anew."


class Shards:
    """The volumes of a data set, by number or by name. `facts`: see `SetFacts`; `rows`: see `ManifestRow`.

    Reading takes memory only for what is returned; a copy in another process opens the files for itself.
    Raises DatasetError for a folder that holds no data set, or one that was not verified as it is now, and for a shard
    that is missing, was cut short or holds more or fewer volumes than the manifest says, or codes that are damaged.
    """

    def __init__(self, folder: Path, *, verified: bool = True) -> None:
        self.folder = folder
        self.facts, self.rows = read_facts(folder), read_manifest(folder)
        self.sha256 = set_sha256(folder)
        if verified:
            check_verified(folder, self.sha256)
        self._numbers = {row.name: number for number, row in enumerate(self.rows)}
        self._in_shard = _places(self.rows)
        self._files: dict[Path, Any] = {}
        self._check_shards()
        self._check_codes()

    def __len__(self) -> int:
        return len(self.rows)

    def number(self, name: str) -> int:
        """Of the volume of that name. Raises DatasetError if there is none."""
        if name not in self._numbers:
            raise DatasetError(f"{self.folder} holds no volume {name!r}; it has {len(self)} others.")
        return self._numbers[name]

    def latents(self, number: int, start: int = 0, stop: int | None = None) -> Posterior:
        """Unscaled latents of a volume's slices from `start` to before `stop` (None: all of them).

        float16, with slices first: (slices, C, h, w).
        """
        row = self.rows[number]
        first, last, _ = slice(start, stop).indices(row.slices)
        part = slice(row.offset + first, row.offset + max(first, last))
        return Posterior(self._tensor(row, MEAN, part), self._tensor(row, LOG_VARIANCE, part))

    def text(self, number: int) -> Tensor:
        """Embeddings of a volume's report, with any of its parts left out: float32 (2 ** parts, D).

        In row r, part p of `facts.text.parts` is there if bit p of r is set: row 0 is "no report", zeros, and the last
        row is the whole report.
        """
        place = self._in_shard[number]
        return self._tensor(self.rows[number], TEXT, slice(place, place + 1))[0]

    @property
    def black(self) -> Tensor:
        """The unscaled code of a black slice, float32 (C, h, w)."""
        return self._code(BLACK)

    @property
    def white(self) -> Tensor:
        """The unscaled code of a white slice, float32 (C, h, w)."""
        return self._code(WHITE)

    def _check_shards(self) -> None:
        slices: Counter[str] = Counter()
        for row in self.rows:
            if row.offset != slices[row.shard]:
                raise DatasetError(f"{self.folder}'s manifest places {row.name} where another volume lies. {_AGAIN}")
            slices[row.shard] += row.slices
        volumes = Counter(row.shard for row in self.rows)
        for shard, count in slices.items():
            path = self.folder / SHARDS / shard
            expected = {MEAN: count, LOG_VARIANCE: count, TEXT: volumes[shard]}
            found = {name: self._stored(path, name).get_shape()[0] for name in expected}
            if found != expected:
                raise DatasetError(f"{path} holds {found}, and the manifest says {expected}. {_AGAIN}")

    def _check_codes(self) -> None:
        for code in (self.black, self.white):
            if not code.isfinite().all():
                raise DatasetError(f"{self.folder / CODES} holds values that are not numbers. {_AGAIN}")

    def _code(self, name: str) -> Tensor:
        return self._stored(self.folder / CODES, name)[:]

    def _tensor(self, row: ManifestRow, name: str, part: slice) -> Tensor:
        return self._stored(self.folder / SHARDS / row.shard, name)[part]

    def _stored(self, path: Path, name: str) -> Any:
        try:
            return self._file(path).get_slice(name)
        except SafetensorError as error:
            raise DatasetError(f"{path} does not hold {name} ({error}). {_AGAIN}") from error

    def _file(self, path: Path) -> Any:
        if path not in self._files:
            try:
                self._files[path] = safe_open(path, "pt")
            except (OSError, SafetensorError) as error:
                raise DatasetError(f"{path} cannot be read ({error}). {_AGAIN}") from error
        return self._files[path]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}


def check_verified(folder: Path, sha256: str) -> None:
    """Raises DatasetError unless the data set was found whole when its hash was this one."""
    path = folder / VERIFIED
    found = path.read_bytes().strip() if path.is_file() else b""
    if found != sha256.encode():
        state = "has changed since it was verified" if found else "was not verified"
        raise DatasetError(f"{folder} {state}. Run `python -m ctflow prepare … --verify` with what it was made from.")


def _places(rows: list[ManifestRow]) -> list[int]:
    """Each volume's number within its shard."""
    counts: Counter[str] = Counter()
    places = []
    for row in rows:
        places.append(counts[row.shard])
        counts[row.shard] += 1
    return places

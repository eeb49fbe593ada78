"""Reading and encoding shared by Ray over cores, GPUs and machines: while some volumes are read, others are encoded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ctflow.data.attempts import MOST_ATTEMPTS, begin_attempt, end_attempts
from ctflow.data.encoding import EncodingJob, Outcome, Scan, encode_scan, left_out, read_source
from ctflow.data.packing import PARTS
from ctflow.data.sources import Source, from_json, to_json
from ctflow.errors import CTFlowError, ResourceError
from ctflow.runtime.ray_cluster import Cluster, ray_cluster, ray_failure

Row = dict[str, Any]  # as Ray moves it between processes
ERROR = "error"  # in a row: what ends the run. Ray loses the type and the words of what a worker raises
WAVE = 4096  # volumes that Ray is given at a time, because it keeps a record of each


@dataclass(frozen=True)
class RayEncoding:
    """`EncodeAll` on this machine, or on the cluster at an address, all of whose machines must see the same folders."""

    address: str | None

    def __call__(self, job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]:
        with ray_cluster(self.address) as cluster:
            from ray.exceptions import RayError  # not before Ray's settings are there

            try:
                for first in range(0, len(numbered), WAVE):
                    for row in _encoded(job, numbered[first : first + WAVE], cluster):
                        if error := row.pop(ERROR):
                            raise ResourceError(error)
                        yield Outcome(**row)
            except RayError as error:
                raise ray_failure(error) from error


def _encoded(job: EncodingJob, numbered: Sequence[tuple[int, Source]], cluster: Cluster) -> Iterator[Row]:
    """On GPUs, reading and encoding are two stages. On the CPU Ray makes them one, and nothing moves in between."""
    import ray.data

    rows = [{"number": number, "source": to_json(source)} for number, source in numbered]
    on_gpu = job.device != "cpu" and cluster.gpus > 0
    encoders = cluster.gpus if on_gpu else cluster.cores
    read = ray.data.from_items(rows, override_num_blocks=len(rows))  # so that each goes on as soon as it is read
    read = read.map(_Reader(job), num_cpus=1)
    encoded = read.map(
        _Encoder,
        fn_constructor_args=(job,),
        compute=ray.data.ActorPoolStrategy(size=min(encoders, len(rows))),
        num_cpus=1,
        num_gpus=1 if on_gpu else 0,
    )
    yield from encoded.iter_rows()


@dataclass(frozen=True)
class _Reader:
    """Reads the scan of a row."""

    job: EncodingJob

    def __call__(self, row: Row) -> Row:
        try:
            return row | vars(self._scan(row)) | {ERROR: ""}
        except ResourceError as error:
            return row | vars(left_out("")) | {ERROR: str(error)}

    def _scan(self, row: Row) -> Scan:
        if begin_attempt(self.job.folder / PARTS, int(row["number"])) > MOST_ATTEMPTS:
            return left_out(f"{MOST_ATTEMPTS} workers died over it. Is it too large for their memory?")
        return read_source(from_json(row["source"]), self.job.geometry)


class _Encoder:
    """Lives in a worker of its own, and loads the networks once."""

    def __init__(self, job: EncodingJob) -> None:
        self._job = job
        self._encoder = job.encoder()

    def __call__(self, row: Row) -> Row:
        number, error = int(row["number"]), str(row[ERROR])
        outcome = Outcome(number=number, reason=str(row["reason"]))
        try:
            if not (error or outcome.reason):
                outcome = self._encode(number, row)
        except CTFlowError as one:
            error = str(one)
        end_attempts(self._job.folder / PARTS, number)
        return vars(outcome) | {ERROR: error}

    def _encode(self, number: int, row: Row) -> Outcome:
        scan = Scan(np.asarray(row["hu"]), str(row["source_sha256"]), read_s=float(row["read_s"]))
        return encode_scan(self._encoder, self._job, number, scan, from_json(row["source"]).report())

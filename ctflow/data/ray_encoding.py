"""Reading and encoding shared by Ray over cores, GPUs and machines: while some volumes are read, others are encoded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ctflow.data.attempts import GIVEN_UP, MOST_ATTEMPTS, begin_attempt, end_attempts
from ctflow.data.encoding import EncodingJob, Outcome, Scan, encode_scan, left_out, read_source
from ctflow.data.packing import PARTS
from ctflow.data.sources import Source
from ctflow.runtime.ray_cluster import ray_cluster
from ctflow.runtime.ray_pool import Pool, answers_by_ray


@dataclass(frozen=True)
class RayEncoding:
    """`EncodeAll` on this machine, or on the cluster at an address, all of whose machines must see the same folders."""

    address: str | None

    def __call__(self, job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]:
        with ray_cluster(self.address) as cluster:
            pool = Pool.of(cluster, on_gpu=job.device != "cpu")
            yield from answers_by_ray(numbered, partial(_Encoder, job), pool, read=partial(_read, job))


@dataclass(frozen=True, eq=False)
class _ReadSource:
    number: int
    source: Source
    scan: Scan


def _read(job: EncodingJob, numbered: tuple[int, Source]) -> _ReadSource:
    number, source = numbered
    if begin_attempt(job.folder / PARTS, number) > MOST_ATTEMPTS:
        return _ReadSource(number, source, left_out(GIVEN_UP))
    return _ReadSource(number, source, read_source(source, job.geometry))


class _Encoder:
    """Loads the networks once."""

    def __init__(self, job: EncodingJob) -> None:
        self._job, self._encoder = job, job.encoder()

    def __call__(self, read: _ReadSource) -> Iterator[Outcome]:
        try:
            if read.scan.reason:
                yield Outcome(number=read.number, reason=read.scan.reason)
            else:
                yield encode_scan(self._encoder, self._job, read.number, read.scan, read.source.report())
        finally:
            end_attempts(self._job.folder / PARTS, read.number)

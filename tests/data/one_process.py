"""What Ray does with many processes, in this one."""

from collections.abc import Iterator, Sequence

import torch

from ctflow.data.encoding import EncodingJob, Outcome, encode_scan, read_source
from ctflow.data.sources import Source


def encode_here(job: EncodingJob, numbered: Sequence[tuple[int, Source]]) -> Iterator[Outcome]:
    """`EncodeAll`, one after another, on one thread as each of Ray's workers: last bits depend on that."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        encoder = job.encoder()
        for number, source in numbered:
            scan = read_source(source, job.geometry)
            if scan.reason:
                yield Outcome(number=number, reason=scan.reason)
            else:
                yield encode_scan(encoder, job, number, scan, source.report())
    finally:
        torch.set_num_threads(threads)

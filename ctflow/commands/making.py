"""Makes one volume under a progress bar, and writes it with its sidecar."""

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ctflow.commands.modes import steps_of
from ctflow.errors import RequestError, VolumeError
from ctflow.generator import ChunkDone, Event, Started, StepDone, VolumeGenerator, joined
from ctflow.io.files import check_writable
from ctflow.io.nifti import check_replaceable, synthetic_label, write_nifti
from ctflow.io.sidecar import StartRecord, earlier_of, read_sidecar, sidecar_of, sidecar_path, write_sidecar
from ctflow.request import Beginning, GenerationRequest, Start, scan_of
from ctflow.volume import Volume


def make(
    args: argparse.Namespace,
    generator: VolumeGenerator,
    request: GenerationRequest,
    start: Beginning | None,
    scan: StartRecord | None,
) -> Volume:
    """Makes and writes one volume with its sidecar, or at Ctrl-C, if `--keep-partial` asks for it, what there is of it.

    `scan`: what the sidecar says of the scan in `start`.
    """
    write = partial(_write, args, request, start, scan, generator, time.monotonic())
    made: list[Event] = []
    try:
        _generate(generator, request, start, made)
    except KeyboardInterrupt:
        slices = sum(len(event.hu) for event in made if isinstance(event, ChunkDone))
        begun_with = scan_of(start)
        if args.keep_partial and slices > (begun_with.slices if begun_with else 0):
            asked = next(event.shape[0] for event in made if isinstance(event, Started))
            write(joined(made), missing=f"{slices} of {asked} slices")
        raise
    volume = joined(made)
    write(volume, missing="")
    return volume


def write_computed(hu: np.ndarray, affine: np.ndarray, path: Path, model: str, kind: str) -> None:
    """Writes what was computed from volumes, rounded to HU. `kind`: as in `synthetic_label`."""
    check_replaceable(path)
    write_nifti(Volume(np.rint(hu).astype(np.int16), affine), path, synthetic_label(model, kind=kind))


def write_made(
    volume: Volume, request: GenerationRequest, generator: VolumeGenerator, seconds: float, path: Path
) -> None:
    """Writes a volume that was made from a report alone in so many seconds, and its sidecar."""
    check_out(path, None)
    with ctrl_c_held_back():
        write_nifti(volume, path, synthetic_label(generator.card.name))
        write_sidecar(sidecar_of(request, generator, seconds=seconds, complete=True), sidecar_path(path))


def check_out(out: Path, scan: Path | None) -> None:
    """Raises VolumeError if the volume cannot be written, or if it or its sidecar would replace what is not ours."""
    beside = sidecar_path(out)
    check_writable(out)
    if scan and out.exists() and scan.exists() and out.samefile(scan):
        raise VolumeError(f"--out {out} is the scan itself, which --start-from names: choose another name.")
    check_replaceable(out)
    if not beside.exists():
        return
    try:
        read_sidecar(beside)
    except RequestError as error:
        raise VolumeError(f"{beside} is in the way and was not written by CTFlow: choose another name.") from error


def _write(
    args: argparse.Namespace,
    request: GenerationRequest,
    start: Beginning | None,
    scan: StartRecord | None,
    generator: VolumeGenerator,
    began_s: float,
    volume: Volume,
    missing: str,
) -> None:
    """`missing`: as in `synthetic_label`; empty for a volume that ran to its end."""
    seconds = time.monotonic() - began_s
    earlier = earlier_of(start)
    sidecar = sidecar_of(request, generator, seconds=seconds, complete=not missing, scan=scan, earlier=earlier)
    label = synthetic_label(generator.card.name, from_scan=scan is not None, missing=missing)
    with ctrl_c_held_back():
        write_nifti(volume, args.out, label)
        write_sidecar(sidecar, sidecar_path(args.out))
    slices = f"{len(volume.hu)} slices"
    if missing:
        slices = f"PARTIAL, {missing}"
    print(f"{args.out}: {slices}, seed {request.seed}, {seconds:.0f} s. {generator.card.caution}")


@contextmanager
def ctrl_c_held_back() -> Iterator[None]:
    """The volume and its sidecar are written in peace; Ctrl-C is heard after that."""
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        signal.raise_signal(signal.SIGINT)


def _generate(generator: VolumeGenerator, request: GenerationRequest, start: Start | None, made: list[Event]) -> None:
    """Puts the events of the stream into `made`, under a progress bar. Leaving it, by Ctrl-C too, closes the stream."""
    total = steps_of(request, start, generator.card.geometry.slices_per_chunk)
    with closing(generator.stream(request, start)) as events, tqdm(total=total, unit="step") as bar:
        for event in events:
            made.append(event)
            match event:
                case Started():
                    bar.set_description("chunk 1")
                case StepDone():
                    bar.set_description(f"chunk {event.chunk + 1} of at most {request.chunks}", refresh=False)
                    bar.update()

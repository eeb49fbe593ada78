"""`python -m ctflow export`: a volume that CTFlow made, as a DICOM series."""

import argparse
from datetime import datetime
from pathlib import Path

from ctflow.commands.arguments import path
from ctflow.errors import RequestError
from ctflow.io.dicom_series import SeriesText, derivation_of, write_dicom_series
from ctflow.io.nifti import read_label, read_nifti
from ctflow.io.sidecar import Sidecar, read_sidecar, sidecar_path


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declares `export` and its arguments."""
    parser = commands.add_parser(
        "export", help="write a volume as a DICOM series that a PACS takes as CT", allow_abbrev=False
    )
    parser.set_defaults(run=run)
    parser.add_argument("volume", type=path, metavar="VOLUME.nii.gz", help="a volume that CTFlow made")
    parser.add_argument("--dicom", type=path, required=True, metavar="DIR", help="a folder that is empty or not there")


def run(args: argparse.Namespace) -> None:
    """Writes the series. Raises VolumeError for a volume that is not ours: it may show a real patient."""
    volume, label = read_nifti(args.volume), read_label(args.volume)
    beside = sidecar_path(args.volume)
    sidecar = read_sidecar(beside) if beside.exists() else None
    files = write_dicom_series(volume, args.dicom, series_text(args.volume, label, sidecar))
    print(f"{args.dicom}: {len(files)} slices as DICOM. {label}.")


def series_text(volume: Path, label: str, sidecar: Sidecar | None) -> SeriesText:
    """What a series says of the volume in this file. Without a sidecar it says only what its header says.

    Raises RequestError where header and sidecar are of two volumes.
    """
    missing = label.partition("PARTIAL: ")[2].partition(";")[0]
    if sidecar and sidecar.complete == bool(missing):
        raise RequestError(
            f"{volume} and the sidecar beside it are not of one volume: one of them is partial. Find the right "
            "sidecar, or move this one away."
        )
    return SeriesText(
        model=sidecar.model.name if sidecar else label.partition("; model ")[2] or "unknown model",
        label=label,
        derivation=derivation_of(sidecar) if sidecar else "",
        missing=missing,
        made_at=datetime.fromtimestamp(int(volume.stat().st_mtime)),
    )

"""Memory of `evaluate metrics` on large volumes: python -m tests.load.judging [--volumes N] [--out DIR]

Half of the volumes, of 256³ voxels, are the real set, the others the fake one: two phantoms, each of whose copies has
another voxel changed. Prints the largest memory that all processes of the command had together, beside its target, and
what the command itself says of the cores; exits with code 1 if the target is missed. Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from ctflow.io.nifti import synthetic_label, write_nifti
from ctflow.phantom import Phantom, make_phantom
from ctflow.runtime.cpu_time import tree_of
from ctflow.volume import Volume, plane_affine
from tests.load.figures import Figure, met

SIDE = 256
EXTENT_MM = 288.0  # from the first slice to the last
MEMORY_GB = 3.0
SAMPLE_S = 0.25
SHOWN_LINES = 3  # of the command's answer, from its end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--volumes", type=int, default=100, help="of both sets together (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="where volumes and features are (default: for this run alone)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        folder = options.out or Path(own)
        write_sets(folder, options.volumes // 2)
        return 0 if met([measured(folder)]) else 1


def write_sets(folder: Path, count: int) -> None:
    """`real`, `fake` and `reports.jsonl`; what is there is kept."""
    phantoms = [make_phantom(seed) for seed in (1, 2)]
    rows = []
    for number in range(count):
        phantom = phantoms[number % 2]
        rows.append({"name": f"case{number}", "findings": phantom.report.findings})
        for offset, which in ((0, "real"), (count, "fake")):
            path = folder / which / f"case{number}.nii.gz"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_nifti(large(phantom, number + offset), path, synthetic_label("phantom"))
    (folder / "reports.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def large(phantom: Phantom, number: int) -> Volume:
    """The phantom with SIDE slices, and a voxel of its own."""
    hu = phantom.volume.turned(("I", "P", "L")).hu
    hu = hu[np.linspace(0, len(hu) - 1, SIDE).round().astype(int)]
    hu[0, 0, 0] = number
    pixel_mm = phantom.volume.spacing_mm[1]
    return Volume(hu, plane_affine(("I", "P", "L"), (EXTENT_MM / SIDE, pixel_mm, pixel_mm), SIDE, SIDE))


def measured(folder: Path) -> Figure:
    """Runs the command and samples its memory."""
    given = ["--real", folder / "real", "--fake", folder / "fake", "--reports", folder / "reports.jsonl"]
    command = [sys.executable, "-W", "ignore", "-m", "ctflow", "evaluate", "metrics", "--protocol", "demo"]
    process = subprocess.Popen([*command, *map(str, given), "--out", str(folder / "out")], stdout=subprocess.PIPE)
    peak_gb = 0.0
    while process.poll() is None:
        peak_gb = max(peak_gb, sum(map(pss_gb, tree_of(process.pid))))
        time.sleep(SAMPLE_S)
    said = process.communicate()[0].decode().splitlines()
    if process.returncode:
        raise SystemExit(f"The command ended with code {process.returncode}.")
    print("\n".join(said[-SHOWN_LINES:]))
    return Figure("memory of all processes", peak_gb, MEMORY_GB, " GB")


def pss_gb(pid: int) -> float:
    """What a process has in memory; of what it shares with others, its part."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (OSError, ProcessLookupError):
        return 0.0  # it has ended
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e9


if __name__ == "__main__":
    sys.exit(main())

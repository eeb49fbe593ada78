"""All that a GPU is needed for, in one call of about nine minutes: python -m tests.gpu [--rehearsal] [--out DIR]

On a bare machine with Python 3.11, torch and a GPU: packages that it lacks are taken from wheels/*.whl, if there are
any. Every stage has its time and is killed where that ends; the next one begins. Ends with one table, which is also in
DIR as table.md and table.json, beside log.txt and the trained model in parts of 15 MB. Exits with 1 if a stage failed.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.gpu.stages import ROOT, Row, Stage, gpu_stages, gpu_training, rehearsal_stages, rehearsal_training

PART_BYTES = 15_000_000
LEAST_TRAINING_S = 100.0
AT_THE_END_S = 15.0  # for the table and the model's parts


@dataclass(frozen=True)
class Result:
    """What became of a stage: ok, how it failed, or that its time was over."""

    stage: str
    outcome: str
    seconds: float
    rows: list[Row]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rehearsal", action="store_true", help="on this CPU, with a tiny model, in two minutes or so")
    parser.add_argument(
        "--out", type=Path, default=Path(os.environ.get("OUT", "runs/gpu")), help="default: $OUT or %(default)s"
    )
    parser.add_argument(
        "--minutes", type=float, default=9.0, help="for all of it, training included (default: %(default)g)"
    )
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * options.minutes - AT_THE_END_S
    with tempfile.TemporaryDirectory() as folder, (options.out / "log.txt").open("w", encoding="utf-8") as log:
        work = Path(folder)
        environment = environment_with(install_wheels(work / "packages"))
        results = []
        for stage in rehearsal_stages(work) if options.rehearsal else gpu_stages(work):
            results.append(run(stage, environment, log))
            if stage.must_end_well and results[-1].outcome != "ok":
                break
        else:
            left_s = until - time.monotonic()
            if options.rehearsal:
                results.append(run(rehearsal_training(work), environment, log))
            elif left_s > LEAST_TRAINING_S:
                results.append(run(gpu_training(work, left_s), environment, log))
            keep_model(work / "training/model", options.out)
        for profile in work.glob("profile*.txt"):
            log.write(f"== {profile.name}\n{profile.read_text(encoding='utf-8')}\n")
    write_table(results, options.out)
    return 0 if all(result.outcome == "ok" for result in results) else 1


def install_wheels(folder: Path) -> Path | None:
    """Into a folder of their own, so that nothing of the machine changes. None if there are no wheels."""
    wheels = sorted(map(str, (ROOT / "wheels").glob("*.whl")))
    if not wheels:
        return None
    options = ["--quiet", "--no-index", "--no-deps", "--no-compile", "--target", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *wheels], check=True)
    return folder


def environment_with(packages: Path | None) -> dict[str, str]:
    path = [str(place) for place in (packages, ROOT) if place]
    inherited = os.environ.get("PYTHONPATH")
    path += [inherited] if inherited else []
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}


def run(stage: Stage, environment: dict[str, str], log) -> Result:
    """Runs it to its end, or kills it with all that it started. What it prints goes into the log."""
    print(f"== {stage.name}, at most {stage.limit_s:.0f} s", flush=True)
    began = time.monotonic()
    process = subprocess.Popen(
        stage.words,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=stage.limit_s)
        outcome = "ok" if process.returncode == 0 else f"failed with {process.returncode}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        printed, _ = process.communicate()
        outcome = f"stopped after {stage.limit_s:.0f} s"
    log.write(f"== {stage.name}: {' '.join(stage.words)}\n{printed}\n")
    log.flush()
    result = Result(stage.name, outcome, time.monotonic() - began, stage.rows(printed))
    print(f"   {result.outcome}, {result.seconds:.0f} s", flush=True)
    if outcome != "ok":
        print("\n".join(printed.splitlines()[-20:]), flush=True)
    return result


def keep_model(model: Path, out: Path) -> None:
    """As model.tar in parts, which `cat model.tar.* | tar x` joins again."""
    if not model.is_dir():
        return
    whole = model.with_suffix(".tar")
    with tarfile.open(whole, "w") as archive:
        archive.add(model, "model")
    data = whole.read_bytes()
    for number, start in enumerate(range(0, len(data), PART_BYTES)):
        (out / f"model.tar.{number:02}").write_bytes(data[start : start + PART_BYTES])


def write_table(results: list[Result], out: Path) -> None:
    lines = ["| stage | | |", "|---|---|---|"]
    for result in results:
        lines.append(f"| **{result.stage}** | {result.outcome} | {result.seconds:.0f} s |")
        lines += [f"| | {what} | {value.replace('|', '/')} |" for what, value in result.rows]
    text = "\n".join(lines) + "\n"
    (out / "table.md").write_text(text, encoding="utf-8")
    (out / "table.json").write_text(json.dumps([asdict(result) for result in results], indent=2), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    sys.exit(main())

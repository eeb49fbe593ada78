"""The stages of a day on a GPU: which commands, how long each may take, and what is read off each."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPORT = "Large right pleural effusion."
IMPORTS = """
import platform, pydantic, pytest, safetensors, scipy, sklearn, tokenizers, torch
import ctflow.benchmark.kernels, ctflow.benchmark.measure, ctflow.commands.generate, ctflow.demo.recipe, ctflow.pipeline
card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
print(f"{card}, torch {torch.__version__}, CUDA {torch.version.cuda}, Python {platform.python_version()}")
"""
# A test file that needs a package which this machine lacks is said to have failed, and the others run.
PYTEST = ("-m", "pytest", "-m", "gpu", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors")
TINY = """
import sys
from pathlib import Path
from tests.tiny import tiny_checkpoint
tiny_checkpoint(Path(sys.argv[1]))
"""
Row = tuple[str, str]


@dataclass(frozen=True)
class Stage:
    """`words`: a command. `limit_s`: it is killed after so long.

    `rows`: what the table says of it, from what it printed. `must_end_well`: nothing makes sense where this one failed.
    """

    name: str
    words: tuple[str, ...]
    limit_s: float
    rows: Callable[[str], list[Row]] = lambda printed: []
    must_end_well: bool = False


def gpu_stages(work: Path) -> list[Stage]:
    """All but the training, which gets the minutes that are left."""
    return [
        _imports(40),
        Stage(
            "tests",
            _python(*PYTEST, "-n", "4", *_gpu_tests()),
            130,
            pytest_rows,
        ),
        _bench(work, "every level, L", ("--preset", "L", "--device", "cuda", "--minutes", "2"), 170),
        _bench(work, "kernels", ("--kernels", "--device", "cuda", "--minutes", "0.6"), 90),
        *(_generate(work, "demo", "cuda", level, 35) for level in ("plain", "graph")),
    ]


def rehearsal_stages(work: Path) -> list[Stage]:
    """The same commands on a CPU and a tiny model. Tests for a GPU are collected, and cannot run."""
    tiny = str(work / "tiny")
    collect = (*PYTEST, "--collect-only", *_gpu_tests())
    return [
        _imports(400),
        Stage("tiny model", _python("-c", TINY, tiny), 400, must_end_well=True),
        Stage("tests", _python(*collect), 400, pytest_rows),
        _bench(
            work,
            "every level, tiny",
            ("--model", tiny, "--device", "cpu", "--minutes", "0.4", "--precision", "float32"),
            400,
        ),
        _bench(work, "kernels", ("--kernels", "--device", "cpu", "--minutes", "2"), 400),
        _generate(work, tiny, "cpu", "plain", 400),
    ]


def gpu_training(work: Path, left_s: float) -> Stage:
    """Begins with the bundled model. Phantoms, latents and measuring the new model take time beside --minutes."""
    minutes = round(0.6 * left_s / 60, 2)
    words = ("demo", "--from", str(ROOT / "checkpoints/demo"), "--seed", "9600", "--device", "cuda")
    return _train(work, (*words, "--minutes", str(minutes)), left_s)


def rehearsal_training(work: Path) -> Stage:
    """Of a tiny model."""
    return _train(work, ("demo", "--smoke", "--device", "cpu", "--minutes", "0.1"), 600)


def _python(*words: str) -> tuple[str, ...]:
    return sys.executable, *words


def _imports(limit_s: float) -> Stage:
    return Stage("machine", _python("-c", IMPORTS), limit_s, _last_lines("what"), must_end_well=True)


def _gpu_tests() -> list[str]:
    """The files that have any: others may need packages that a GPU's machine lacks."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [str(file.relative_to(ROOT)) for file in files if "mark.gpu" in file.read_text(encoding="utf-8")]


def _bench(work: Path, what: str, words: tuple[str, ...], limit_s: float) -> Stage:
    numbers = work / f"{what.split()[0].strip(',')}.json"
    command = _python("-m", "ctflow", "bench", *words, "--json", str(numbers))
    return Stage(f"bench, {what}", command, limit_s, lambda _: bench_rows(numbers))


def _generate(work: Path, model: str, device: str, level: str, limit_s: float) -> Stage:
    words = ("--model", model, "--device", device, "--cuda", level, "--report", REPORT, "--seed", "1")
    out = work / f"{level}.nii.gz"
    command = _python("-m", "ctflow", "generate", *words, "--out", str(out))
    return Stage(f"generate, {level}", command, limit_s, _last_lines("volume"))


def _train(work: Path, words: tuple[str, ...], limit_s: float) -> Stage:
    command = _python("-m", "ctflow", "train", *words, "--work", str(work / "training"))
    return Stage("train demo", command, limit_s, _last_lines("said", 8))


def _last_lines(name: str, count: int = 1) -> Callable[[str], list[Row]]:
    """Without progress bars, which end in no new line."""

    def rows(printed: str) -> list[Row]:
        lines = [line.rpartition("\r")[2].strip() for line in printed.split("\n")]
        return [(name, line) for line in [line for line in lines if line][-count:]]

    return rows


def pytest_rows(printed: str) -> list[Row]:
    """How many passed and failed, and the names of those that failed."""
    failed = [("failed", line.split()[1]) for line in printed.splitlines() if line.startswith(("FAILED", "ERROR"))]
    counts = re.findall(
        r"^(?:=+ )?(.*\b(?:passed|failed|collected|error|tests?)\b.* in [\d.]+s.*?)(?: =+)?$", printed, re.M
    )
    return [*(("tests", count) for count in counts[-1:]), *failed]


def bench_rows(numbers: Path) -> list[Row]:
    """A row for each figure of each way, or for each kernel."""
    if not numbers.exists():
        return []
    found = json.loads(numbers.read_text(encoding="utf-8"))
    rows = [(f"{line['section']}, {line['name']}", line["text"]) for line in found.get("kernels", [])]
    for figures in found.get("figures", []):
        name = figures.pop("name")
        rows += [(f"{name}: {what}", _short(value)) for what, value in figures.items() if value not in (None, [])]
    return rows


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(_short(each) for each in value) if isinstance(value, list) else str(value)

"""What is wrong with the words of a command is said at once: nothing that takes seconds to import is needed for it."""

import subprocess
import sys
from pathlib import Path

import pytest

SLOW = ("torch", "transformers", "diffusers", "scipy", "gradio", "SimpleITK", "nibabel")
CODE = f"""
import sys
from ctflow.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as stopped:
    code = stopped.code
print(code, *[name for name in {SLOW} if name in sys.modules])
"""
REPORT = "generate --out a.nii.gz --report Clear."


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--help", 0),
        ("generate --help", 0),
        ("evaluate obedience --help", 0),
        ("generate --repport Clear.", 2),
        (f"{REPORT} --device gpu", 2),
        (f"{REPORT} --solver eulr", 2),
        (f"{REPORT} --chunks 999", 2),
        (f"{REPORT} --model no-such-model", 2),
        ("generate --out a.nii.gz --report-file no-such-file.txt", 2),
        ("generate --out no-such-folder/a.nii.gz --report Clear.", 2),
        ("score no-such-file.nii.gz --report-file no-such-file.txt", 2),
        ("ablate --report Clear. --out-dir no-such-folder", 2),
        ("seeds --report Clear. --seeds 1 --out-dir no-such-folder", 2),
        ("continue no-such-file.json --out a.nii.gz", 2),
        ("found no-such-file.nii.gz --report-file no-such-file.txt", 2),
        ("export no-such-file.nii.gz --dicom no-such-folder", 2),
        ("evaluate codec --model no-such-model", 2),
        ("bench --model no-such-model", 2),
    ],
)
def test_it_is_answered_without_anything_slow(tmp_path: Path, words: str, code: int) -> None:
    command = [sys.executable, "-c", CODE, *words.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.splitlines()[-1].split() == [str(code)], done.stderr

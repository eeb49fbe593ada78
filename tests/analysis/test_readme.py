"""The example in the readme runs, with a model that is faster than the one it names."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "ctflow/analysis/README.md"


def test_the_example_of_going_on_runs(folder: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    named = 'Path("checkpoints/demo")'
    assert named in example
    exec(example.replace(named, f"Path({str(folder)!r})"), {})

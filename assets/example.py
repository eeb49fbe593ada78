"""Makes the example that the app shows on arrival: python -m assets.example

A finished volume of the demo model, of the report "Large right effusion" in app/examples.json. It has to be made again
when the demo model has changed: a test says so, and until then the app shows none.
"""

import json
from pathlib import Path

import app
from app.example import example_of, write_example
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.pipeline import CTFlow
from ctflow.report import Report

REPORT = "Large right effusion"
SEED = 0


def main() -> None:
    """Generates it with the model's own settings, on the CPU."""
    reports = json.loads((Path(app.__file__).parent / "examples.json").read_text(encoding="utf-8"))
    fields = next(fields for fields in reports if fields.pop("name") == REPORT)
    report = Report(**fields)
    model = CTFlow.load(find_checkpoint("demo"), "cpu")
    volume = model.generate(model.card.request(report, seed=SEED))
    example = example_of(model.model_sha256, report, SEED, volume)
    write_example(example)
    print(f"{example.path}: {len(volume.hu)} slices, {len(example.data):,} bytes")


if __name__ == "__main__":
    main()

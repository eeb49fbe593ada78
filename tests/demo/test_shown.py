"""What the bundled model reads in the texts that we show, and in a radiologist's page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ui import PLACEHOLDER
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.checkpoint.networks import Checkpoint
from ctflow.evaluation.labelled_sentences import read_sentences
from ctflow.evaluation.sentences import judge, measure_sentences
from ctflow.models.report_reader import ReportReader
from ctflow.report import Report, sentences

ROOT = Path(__file__).parents[2]
SHOWN = read_sentences(Path(__file__).with_name("shown.txt"))
PAGE = read_sentences(Path(__file__).with_name("page.txt"))
IN_A_README = re.compile(r"""(?:--report\s+|predict\(|submit\(|findings=|"findings": )"([^"]+)\"""")


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(find_checkpoint("demo"))


def reports_shown() -> Iterator[Report]:
    yield Report(PLACEHOLDER)
    for example in json.loads((ROOT / "app" / "examples.json").read_text(encoding="utf-8")):
        yield Report(example["findings"], example["impression"])
    for readme in (ROOT / "README.md", *ROOT.glob("app/**/README.md"), *ROOT.glob("ctflow/**/README.md")):
        for text in IN_A_README.findall(readme.read_text(encoding="utf-8")):
            yield Report(" ".join(text.split()))


def test_every_sentence_that_we_show_is_labelled() -> None:
    shown = {sentence for report in reports_shown() for sentence in sentences(report)}
    assert shown == {one.text for one in SHOWN}


def test_what_we_show_is_read_as_it_is_meant(checkpoint: Checkpoint) -> None:
    assert not [one for one in measure_sentences(checkpoint, SHOWN) if one.outcome != "right"]


def test_a_page_of_a_radiologist_is_read_as_it_is_meant(checkpoint: Checkpoint) -> None:
    """All at once, as it is typed: two sides, sizes in mm, what has gone, and what the model does not know."""
    reader = ReportReader(checkpoint.text, checkpoint.reader, checkpoint.card.text.parts)
    read = reader.read(Report("\n".join(one.text for one in PAGE)))
    assert len(read.sentences) == len(PAGE) >= 20 and read.cut_text == ""
    outcomes = [judge(one.tags, said.found) for one, said in zip(PAGE, read.sentences, strict=True)]
    assert not [one.text for one, outcome in zip(PAGE, outcomes, strict=True) if outcome != "right"]

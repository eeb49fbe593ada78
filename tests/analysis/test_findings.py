"""Asked, read, found: three columns, each from where it should be."""

import pytest

from ctflow.analysis.findings import asked, compare_findings, findings_markdown
from ctflow.judge import Accuracy, TowerJudge, Verdict
from ctflow.labels import LABELS
from ctflow.models.guard.stance import Stance
from ctflow.pipeline import CTFlow
from ctflow.reading import Mention
from ctflow.report import Report
from ctflow.volume import Volume
from tests.analysis.painter import Painter, affine, chest
from tests.tiny import tiny_checkpoint

VOLUME = Volume(chest(), affine())


class Sees:
    """A judge of two findings."""

    name = "a judge"

    def judge(self, volume: Volume) -> dict[str, Verdict]:
        assert volume is VOLUME
        measured = Accuracy(seen_there=0.84, n_there=19, seen_absent=0.02, n_absent=71)
        return {"Pleural effusion": Verdict(True, measured), "Fog": Verdict(True, None)}


@pytest.mark.parametrize(
    ("text", "finding", "stances"),
    [
        ("Large right pleural effusion.", "Pleural effusion", {Stance.ASSERTED}),
        ("No pleural effusion.", "Pleural effusion", {Stance.DENIED}),
        ("Right pleural effusion. No pleural effusion.", "Pleural effusion", {Stance.ASSERTED, Stance.DENIED}),
        ("Pleural effusion cannot be excluded.", "Pleural effusion", {Stance.UNCLEAR}),
        ("Large right pleural effusion.", "Emphysema", set()),
        ("Normal chest CT.", "Emphysema", {Stance.DENIED}),
        ("Indication: pleural effusion? The heart is enlarged.", "Pleural effusion", set()),
    ],
)
def test_what_a_report_says_is_told_by_rules(text: str, finding: str, stances: set[Stance]) -> None:
    assert asked(Report(text))[finding] == stances


def test_each_finding_has_what_report_model_and_judge_say_of_it() -> None:
    painter = Painter({}, mentions=(Mention("Pleural effusion", True, "right", None, "large"),))
    report = Report("Large right Pleural effusion. No emphysema.")
    rows = {row.finding: row for row in compare_findings(report, VOLUME, painter, [Sees()])}  # type: ignore[arg-type]
    assert list(rows)[: len(LABELS)] == list(LABELS)
    effusion, emphysema, fog = (rows[name] for name in ("Pleural effusion", "Emphysema", "Fog"))
    assert effusion.asked == {Stance.ASSERTED} and effusion.read == painter.mentions
    assert effusion.found["a judge"].seen
    assert emphysema.asked == {Stance.DENIED} and not emphysema.read and not emphysema.found
    assert not fog.asked and fog.found["a judge"].accuracy is None
    lines = findings_markdown(list(rows.values())).splitlines()
    assert lines == [
        "| finding | report says | model read | a judge sees |",
        "|---|---|---|---|",
        "| Emphysema | denied | – | – |",
        "| Pleural effusion | asserted | asserted, large right | yes (seen in 84% of 19 with it, 2% of 71 without) |",
        "| Fog | – | – | yes (never measured) |",
    ]
    assert len(findings_markdown(list(rows.values()), everything=True).splitlines()) == 2 + len(rows)


def test_the_image_tower_is_a_judge_and_a_model_without_one_judges_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    model = CTFlow.load(tiny_checkpoint(tmp_path_factory.mktemp("tower") / "tiny", heads=True), "cpu")
    accuracy = Accuracy(1.0, 1, None, 0)
    verdicts = TowerJudge(model, {"Pneumothorax": accuracy}).judge(VOLUME)
    labels = model.labels(VOLUME)
    assert labels and verdicts.keys() == labels.keys()
    assert all(verdicts[name].seen == (likely > 0.5) for name, likely in labels.items())
    assert verdicts["Pneumothorax"].accuracy == accuracy and verdicts["Pleural effusion"].accuracy is None
    assert TowerJudge(Painter({}), {}).judge(VOLUME) == {}  # type: ignore[arg-type]

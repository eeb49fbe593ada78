"""The bundled model: what a stranger gets with a clone."""

import json
import re
from pathlib import Path

import pytest
import SimpleITK as sitk
from safetensors import safe_open

from ctflow.__main__ import main
from ctflow.card import read_card
from ctflow.checkpoint.catalog import find_checkpoint
from ctflow.checkpoint.folder import load_checkpoint
from ctflow.demo import pretrained
from ctflow.demo.card import demo_card, read_obedience
from ctflow.evaluation.border import border_shares, changes, is_garbage
from ctflow.evaluation.labelled_sentences import read_sentences
from ctflow.evaluation.obedience.effusion_side import right_share
from ctflow.evaluation.obedience.judges import read_judges
from ctflow.evaluation.sentences import MISTAKES, measure_sentences
from ctflow.phantom import KINDS
from ctflow.pipeline import CTFlow
from ctflow.report import Report

FOLDER = find_checkpoint("demo")
SENTENCES = Path(__file__).parents[1] / "models" / "guard" / "sentences.txt"
OBEDIENCE = Path(__file__).parents[2] / "assets" / "obedience.json"


def test_the_folder_is_small_enough_to_clone_and_its_weights_are_bf16() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 60e6
    assert max(path.stat().st_size for path in files) <= 10e6
    for path in FOLDER.rglob("*.safetensors"):
        with safe_open(path, "pt") as weights:
            assert {weights.get_slice(name).get_dtype() for name in weights.keys()} == {"BF16"}  # noqa: SIM118


def test_its_card_is_what_train_demo_writes_of_the_measured_model() -> None:
    """Nothing in it is edited by hand but the provenance, which no later call could know."""
    card = read_card(FOLDER / "card.json")
    assert card == demo_card(card.latent, card.provenance, read_obedience(OBEDIENCE), text=card.text)
    assert "phantoms" in card.provenance and "no patient's data" in card.provenance


@pytest.fixture(scope="module")
def model() -> CTFlow:
    return CTFlow.load(FOLDER, "cpu")


def test_it_says_what_it_is_and_its_weights_bear_that_out(model: CTFlow) -> None:
    """`caution` is what the page and the command line show beside every volume."""
    caution = model.card.caution
    assert caution.startswith("Demo model: simulated chests.") and caution.endswith("Not for diagnosis.")
    (count,) = re.findall(r"It reads (\d+) findings", caution)
    assert int(count) == len(model.read(None).known)
    assert "no patient's data" in model.card.provenance
    assert "Anything clinical" in model.card.not_good_for


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory) -> sitk.Image:
    """Made as a person would, and read by somebody else's software."""
    out = tmp_path_factory.mktemp("volume") / "none.nii.gz"
    words = ["--report", "No pleural effusion.", "--seed", "0", "--device", "cpu"]
    assert main(["generate", *words, "--out", str(out)]) == 0
    assert json.loads(out.with_name("none.json").read_text())["synthetic"] is True
    return sitk.ReadImage(str(out))


@pytest.mark.slow
def test_a_volume_is_a_chest_in_hu_where_a_viewer_expects_it(volume: sitk.Image) -> None:
    hu = sitk.GetArrayFromImage(volume)
    assert volume.GetSpacing() == (1.5, 1.5, 3.0)
    assert volume.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, -1)
    assert hu.shape[1:] == (256, 256)
    middle = hu[len(hu) // 2]
    assert (middle[:20] < -900).mean() > 0.95, "air above the patient"
    assert 0.15 < (middle > -300).mean() < 0.5, "soft tissue"
    assert 0.03 < ((middle > -950) & (middle < -600)).mean() < 0.4, "lung"


@pytest.mark.slow
def test_a_volume_ends_before_it_turns_white(volume: sitk.Image) -> None:
    hu = sitk.GetArrayFromImage(volume)
    assert 64 < len(hu) < 96, "it has an end"
    assert not is_garbage(hu).any()
    assert border_shares(hu)[-1] < 0.02


@pytest.mark.slow
def test_a_volume_made_in_few_steps_does_too(model: CTFlow) -> None:
    """Its last slice was half white, half body: 48 % of the border above -900 HU, and 205 HU from the slice before."""
    hu = model.generate(model.card.request(Report("No pleural effusion."), seed=111, steps=4)).hu
    assert 64 < len(hu) < 96, "it has an end"
    assert not is_garbage(hu).any()
    assert changes(hu)[-1] < 40


@pytest.mark.slow
def test_a_large_effusion_takes_lung_on_the_side_that_the_report_names(model: CTFlow) -> None:
    def share(report: str) -> float:
        return right_share(model.generate(model.card.request(Report(report), seed=0)))

    right, left = share("Large right pleural effusion."), share("Large left pleural effusion.")
    assert right < 0.4
    assert left > 0.6


@pytest.mark.slow
def test_its_reader_is_not_misled_by_what_the_model_does_not_know(
    model: CTFlow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "reading", "--n", "400", "--seed", "2400"]) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    share = {(row[1].strip(), row[2].strip()): float(row[3].split()[0]) for row in rows}
    assert share["known", "say something else: nothing read"] > 98
    assert share["known", "say anything: misread"] < 2
    # Of wordings that it was not taught it misses much, and reads little that is not there.
    assert share["held-out", "say something else: nothing read"] > 90
    assert share["held-out", "say anything: misread"] < 8
    read = model.read(Report("Large left pleural effusion. No pneumothorax. Multinodular goitre."))
    assert set(read.known) == set(KINDS)
    said = {(found.finding, found.asserted, found.side) for found in read.found}
    assert said == {("Pleural effusion", True, "left"), ("Pneumothorax", False, None)}
    assert read.unread == ("Multinodular goitre.",)


@pytest.mark.parametrize(
    ("telegram", "finding", "side", "lobe"),
    [
        ("Cardiomegaly.", "Cardiomegaly", None, None),
        ("Heart enlarged.", "Cardiomegaly", None, None),
        ("Pericardial effusion.", "Pericardial effusion", None, None),
        ("Mediastinal lymphadenopathy.", "Lymphadenopathy", None, None),
        ("Coronary calcification.", "Coronary artery wall calcification", None, None),
        ("Hiatal hernia.", "Hiatal hernia", None, None),
        ("Emphysema.", "Emphysema", None, None),
        ("Right effusion.", "Pleural effusion", "right", None),
        ("Small bilateral effusions.", "Pleural effusion", "both", None),
        ("Left pneumothorax.", "Pneumothorax", "left", None),
        ("RLL consolidation.", "Consolidation", "right", "lower"),
        ("Left upper lobe atelectasis.", "Atelectasis", "left", "upper"),
        ("Bilateral ground-glass opacities.", "Lung opacity", "both", None),
    ],
)
def test_it_reads_telegrams(model: CTFlow, telegram: str, finding: str, side: str | None, lobe: str | None) -> None:
    said = [(one.finding, one.asserted, one.side, one.lobe) for one in model.read(Report(telegram)).found]
    assert said == [(finding, True, side, lobe)]


@pytest.mark.parametrize(
    "telegram",
    ["Pleural effusion.", "Pneumothorax.", "Consolidation.", "Atelectasis.", "Lung nodule.", "Bronchiectasis."],
)
def test_a_finding_that_is_told_without_its_place_is_read_without_one(model: CTFlow, telegram: str) -> None:
    said = [(one.finding, one.asserted, one.side, one.lobe) for one in model.read(Report(telegram)).found]
    assert said == [(telegram.rstrip("."), True, None, None)]


def test_it_says_which_public_model_its_text_encoder_began_as(model: CTFlow) -> None:
    began = model.card.text.encoder
    assert all(words in began for words in (pretrained.NAME, pretrained.LICENCE, pretrained.SHA256))


@pytest.mark.slow
def test_it_misreads_few_sentences_of_people_and_reads_many() -> None:
    """12 % of such sentences were misread before the guard."""
    checkpoint = load_checkpoint(FOLDER)
    outcomes = [one.outcome for one in measure_sentences(checkpoint, read_sentences(SENTENCES))]
    assert len(outcomes) >= 100
    assert sum(one in MISTAKES for one in outcomes) <= 0.01 * len(outcomes)
    assert outcomes.count("right") >= 0.88 * len(outcomes)


def test_two_sides_of_one_sentence_are_told_apart(model: CTFlow) -> None:
    """It was shown as a moderate effusion on both sides."""
    read = model.read(Report("No pleural effusion on the right, moderate effusion on the left."))
    assert {(one.finding, one.asserted, one.side) for one in read.found} == {
        ("Pleural effusion", False, "right"),
        ("Pleural effusion", True, "left"),
    }
    assert read.unread == () and read.contradicted == ()


def test_a_part_that_is_not_recognised_is_told_beside_one_that_is(model: CTFlow) -> None:
    read = model.read(Report("Left pneumothorax, an effusion is not out of the question."))
    assert [(one.finding, one.asserted) for one in read.found] == [("Pneumothorax", True)]
    assert read.unread == ("an effusion is not out of the question.",)


def test_a_report_that_contradicts_itself_is_marked(model: CTFlow) -> None:
    assert model.read(Report("Mild cardiomegaly. No cardiomegaly.")).contradicted == ("Cardiomegaly",)
    assert model.read(Report("Left pneumothorax. No pleural effusion.")).contradicted == ()


@pytest.mark.slow
def test_its_tower_scores_a_volume_by_report_and_by_finding(model: CTFlow) -> None:
    asked = Report("Large right pleural effusion.")
    made = model.generate(model.card.request(asked, seed=0))
    fits, fits_not = (model.score(made, report) for report in (asked, Report("No pleural effusion.")))
    assert fits is not None and fits_not is not None and fits > fits_not
    labels = model.labels(made)
    assert labels is not None and set(labels) == set(KINDS)


def test_the_folder_holds_nothing_else() -> None:
    names = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert names == {
        "card.json",
        "avae/config.json",
        "avae/diffusion_pytorch_model.safetensors",
        "ctclip/config.json",
        "ctclip/model.safetensors",
        "measured/judges.json",
        "measured/obedience.json",
        "text/config.json",
        "text/facts.json",
        "text/facts.safetensors",
        "text/tokenizer.json",
        "transformer/config.json",
        *(f"text/{path.name}" for path in Path(FOLDER / "text").glob("model*.safetensors*")),
        *(f"transformer/{path.name}" for path in Path(FOLDER / "transformer").glob("*.safetensors*")),
    }


def test_it_says_how_often_it_draws_each_finding_and_how_far_its_judges_can_be_trusted(model: CTFlow) -> None:
    assert set(model.drawn) == set(KINDS)
    judges = read_judges(FOLDER)
    assert judges is not None and set(judges.tower) == set(KINDS)

"""The opposite of a sentence: plain words that the model reads as what they say."""

import pytest

from app.opposite import opposite
from ctflow.errors import RequestError
from ctflow.reading import Mention, Reading, SentenceReading
from ctflow.report import Report, placed_sentences
from tests.app.fake import FakeGenerator

BOTH = ("right", "left")


class Reads(FakeGenerator):
    """Recognises exactly these sentences."""

    def __init__(self, said: dict[str, tuple[Mention, ...]]) -> None:
        super().__init__(lambda chunk, step: None)
        self.said = said

    def read(self, report: Report | None) -> Reading:
        placed = placed_sentences(report) if report else ()
        return Reading(9, 64, "", (), tuple(SentenceReading(one, self.said.get(one.text, ())) for one in placed))


def there(finding: str, side: str | None = None, lobe: str | None = None, size: str | None = None) -> Mention:
    return Mention(finding, True, side, lobe, size)


def absent(finding: str, side: str | None = None, lobe: str | None = None) -> Mention:
    return Mention(finding, False, side, lobe, None)


def test_what_is_asserted_is_denied_at_its_place_and_what_is_denied_stays_denied() -> None:
    generator = Reads(
        {
            "Large right effusion without a nodule.": (there("Effusion", "right", size="large"), absent("Nodule")),
            "No effusion on the right.": (absent("Effusion", "right"),),
            "No nodule.": (absent("Nodule"),),
        }
    )
    assert opposite(generator, "Large right effusion without a nodule.") == "No effusion on the right. No nodule."


def test_a_place_whose_denial_the_model_does_not_read_is_denied_with_all_others() -> None:
    generator = Reads({"Nodule, RLL.": (there("Nodule", "right", "lower"),), "No nodule.": (absent("Nodule"),)})
    assert opposite(generator, "Nodule, RLL.") == "No nodule."


def test_what_is_denied_of_no_side_is_asserted_of_both_and_never_of_one() -> None:
    sides = {f"Effusion on the {side}.": (there("Effusion", side),) for side in BOTH}
    generator = Reads({"No effusion.": (absent("Effusion"),), "Effusion.": (there("Effusion", "right"),), **sides})
    assert opposite(generator, "No effusion.") == "Effusion on the right. Effusion on the left."


def test_both_sides_are_denied_in_one_sentence() -> None:
    generator = Reads(
        {"Effusions.": tuple(there("Effusion", side) for side in BOTH), "No effusion.": (absent("Effusion"),)}
    )
    assert opposite(generator, "Effusions.") == "No effusion."


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "reads no finding"),
        ({"Fog.": (there("Fog"),)}, "no plain denial of fog"),
        ({"Fog.": (absent("Fog"),), "Fog on both sides.": (there("Fog", "left"),)}, "no plain assertion of fog"),
        ({"Fog.": (there("Fog"),), "No fog.": (absent("Fog"), there("Mist"))}, "no plain denial of fog"),
    ],
)
def test_what_the_model_would_not_read_is_refused_in_words(said: dict, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        opposite(Reads(said), "Fog.")

"""Reports in the manner of CT-RATE's, written from the truth alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ctflow.phantom.truth import Size, Truth
from ctflow.report import Report

SILENT_ODDS = 0.10  # a report may say nothing on effusion, and then there is none
BARE_ODDS = 0.35  # the effusion's sentence is the whole report, as users type it

SIZE_WORDS: dict[Size, tuple[str, ...]] = {
    "small": ("small", "small", "small", "minimal", "mild", "minor", "trace", "slight"),
    "moderate": ("moderate", "moderate", "moderate", "moderately sized", "medium-sized", "intermediate"),
    "large": ("large", "large", "large", "massive", "extensive", "severe", "very large", "marked", "huge"),
}
# Fluid thickness in mm that goes with a size in the measured sentences.
THICKNESS_MM: dict[Size, tuple[int, int]] = {"small": (8, 20), "moderate": (28, 45), "large": (60, 100)}

ONE_SIDE = (
    "{Size} {side} pleural effusion.",
    "{Size} {side} pleural effusion.",
    "{Size} {side}-sided pleural effusion.",
    "There is a {size} pleural effusion on the {side}.",
    "There is a {size} {side} pleural effusion.",
    "{Size} pleural effusion on the {side}.",
    "{Size} pleural effusion is seen on the {side} side.",
    "A {size} pleural effusion is observed in the {side} hemithorax.",
    "{Size} effusion in the {side} pleural space.",
    "{Size} {side} effusion.",
    "{Size} pleural fluid on the {side}.",
    "There is a {size} amount of fluid in the {side} pleural cavity.",
    "{Size} amount of free fluid in the {side} hemithorax.",
    "{Side} pleural effusion, {size}.",
    "{Side}-sided {size} pleural effusion is present.",
    "A {size} amount of fluid is seen in the {side} hemithorax.",
    "{Size} {side} pleural effusion measuring {mm} mm at its thickest point.",
    "There is a {size} pleural effusion reaching {mm} mm in thickness in the {side} hemithorax.",
    "{Size} pleural effusion with a depth of {cm} cm is observed on the {side}.",
    "Pleural effusion of approximately {ml} ml on the {side}, {size}.",
)
BOTH_EQUAL = (
    "{Size} bilateral pleural effusions.",
    "Bilateral {size} pleural effusions.",
    "Bilateral {size} pleural effusion is observed.",
    "There are {size} pleural effusions on both sides.",
    "{Size} pleural effusion on both sides.",
    "{Size} fluid in both pleural spaces.",
    "{Size} effusions in both hemithoraces.",
    "Bilateral pleural effusions, {size} on both sides.",
)
BOTH_DIFFERENT = (
    "Bilateral pleural effusions, {r} on the right and {l} on the left.",
    "Bilateral pleural effusions, {l} on the left and {r} on the right.",
    "{R} right and {l} left pleural effusions.",
    "{L} left and {r} right pleural effusions.",
    "There is a {r} right and a {l} left pleural effusion.",
    "Pleural effusion on both sides: {r} on the right, {l} on the left.",
    "Bilateral pleural fluid, {r} in the right and {l} in the left hemithorax.",
    "{R} pleural effusion on the right, {l} pleural effusion on the left.",
)
DENIAL = (
    "No pleural effusion.",
    "No pleural effusion.",
    "No pleural effusion or pneumothorax.",
    "No pleural effusion or pneumothorax was detected.",
    "Pleural effusion was not detected.",
    "There is no pleural effusion.",
    "There is no pleural effusion on either side.",
    "Pleural spaces are clear.",
    "Bilateral pleural effusion was not observed.",
    "No evidence of pleural effusion.",
    "No pleural or pericardial effusion.",
    "Pleural effusion-thickening was not detected.",
    "No fluid in the pleural spaces.",
    "Both pleural cavities are free of fluid.",
    "No effusion.",
    "Without pleural effusion.",
)
SIDE_DENIAL = (
    "No effusion on the {side}.",
    "No pleural effusion on the {side}.",
    "There is no {side} pleural effusion.",
    "The {side} pleural space is clear.",
    "No fluid in the {side} hemithorax.",
    "No {side}-sided pleural effusion.",
    "The {side} pleural cavity is free of fluid.",
    "{Side} pleural effusion was not detected.",
)
NORMAL_WHOLE = (
    "Normal chest CT.",
    "Normal CT of the chest.",
    "Normal.",
    "Unremarkable chest CT.",
    "No acute findings in the chest.",
    "Thorax CT within normal limits.",
    "No abnormality was detected in the thorax.",
    "Findings within normal limits.",
)
# Statements that are true of every phantom.
BACKGROUND = (
    "Trachea and both main bronchi are open.",
    "Trachea and main bronchi are in the midline and patent.",
    "No occlusive pathology was observed in the trachea or main bronchi.",
    "Heart size is normal.",
    "Heart contour and size are normal.",
    "Cardiothoracic index is normal.",
    "Calibration of the mediastinal vascular structures is natural.",
    "The aorta is of normal calibre.",
    "Thoracic aorta diameter is normal.",
    "Pericardial effusion was not observed.",
    "No pericardial thickening.",
    "Thoracic oesophagus calibration was normal.",
    "No significant tumoral wall thickening was detected in the oesophagus.",
    "No lymph node in pathological size was observed in the mediastinum.",
    "No enlarged hilar lymph nodes.",
    "No mass or nodule was detected in the lungs.",
    "No infiltrative lesion in the aerated lung parenchyma.",
    "Upper abdominal organs included in the sections are normal.",
    "Liver, spleen and stomach are unremarkable as far as seen.",
    "No fracture or lytic-destructive lesion in the bones.",
    "Bone structures in the study area are natural.",
    "Vertebral corpus heights are preserved.",
    "No pneumothorax.",
    "Mediastinum could not be evaluated optimally in the non-contrast examination.",
)
NORMAL_IMPRESSION = (
    "Findings within normal limits.",
    "No acute pathology.",
    "No other significant finding.",
    "Examination within normal limits.",
)


@dataclass(frozen=True)
class _Draw:
    """Random choices by one cheap uniform number each: text-encoder training draws tens of thousands."""

    rng: np.random.Generator

    def of(self, options: Sequence[str]) -> str:
        return options[int(self.rng.random() * len(options))]

    def chance(self, odds: float) -> bool:
        return bool(self.rng.random() < odds)

    def some(self, options: Sequence[str], count: int) -> list[str]:
        return [options[i] for i in self.rng.permutation(len(options))[:count]]


def _join(words: str) -> str:
    """Mend the seam between article and word: "an extensive effusion"."""
    for vowel in "aeiou":
        words = words.replace(f" a {vowel}", f" an {vowel}").replace(f"A {vowel}", f"An {vowel}")
    return words


def _title(word: str) -> str:
    return word[:1].upper() + word[1:]


def _one_side(d: _Draw, side: str, size: Size, ml: float) -> str:
    word = d.of(SIZE_WORDS[size])
    low, high = THICKNESS_MM[size]
    mm = low + int(d.rng.random() * (high - low))
    return _join(
        d.of(ONE_SIDE).format(
            size=word,
            Size=_title(word),
            side=side,
            Side=_title(side),
            mm=mm,
            cm=f"{mm / 10:.1f}",
            ml=int(round(ml, -1)),
        )
    )


def _both(d: _Draw, truth: Truth) -> str:
    right, left = truth.effusion_right, truth.effusion_left
    if right == left and d.chance(0.7):
        word = d.of(SIZE_WORDS[right])
        return _join(d.of(BOTH_EQUAL).format(size=word, Size=_title(word)))
    words = {"r": d.of(SIZE_WORDS[right]), "l": d.of(SIZE_WORDS[left])}
    return _join(d.of(BOTH_DIFFERENT).format(**words, R=_title(words["r"]), L=_title(words["l"])))


def effusion_sentences(truth: Truth, rng: np.random.Generator) -> list[str]:
    """One or two sentences that say all the truth on pleural effusion, asserted or denied."""
    d = _Draw(rng)
    sides = {"right": truth.effusion_right, "left": truth.effusion_left}
    ml = {"right": truth.effusion_right_ml, "left": truth.effusion_left_ml}
    present = [side for side, size in sides.items() if size != "none"]
    if not present:
        return [d.of(DENIAL)]
    if len(present) == 2:
        if d.chance(0.2):
            return [_one_side(d, side, sides[side], ml[side]) for side in d.some(present, 2)]
        return [_both(d, truth)]
    side = present[0]
    sentences = [_one_side(d, side, sides[side], ml[side])]
    if d.chance(0.25):
        other = "left" if side == "right" else "right"
        sentences.append(d.of(SIDE_DENIAL).format(side=other, Side=_title(other)))
    return sentences


def _cased(d: _Draw, text: str) -> str:
    draw = d.rng.random()
    if draw < 0.06:
        return text.lower()
    if draw < 0.10:
        return text.upper()
    return text.rstrip(".") if draw < 0.16 else text


def _paragraph(d: _Draw, facts: list[str], count: int) -> str:
    """The facts, kept together and in order, somewhere among ``count`` normal statements."""
    background = d.some(BACKGROUND, count)
    place = int(d.rng.integers(len(background) + 1))
    return " ".join([*background[:place], *facts, *background[place:]])


def _full(d: _Draw, truth: Truth, facts: list[str]) -> tuple[str, str]:
    """Findings of several sentences and an impression; the facts stand in either or in both."""
    count = int(d.rng.integers(2, 7))
    where = d.rng.random()
    if where < 0.15:  # in the impression alone
        return _paragraph(d, [], count), " ".join(facts)
    if where < 0.45:
        impression = "" if d.chance(0.4) else d.of(NORMAL_IMPRESSION[2:3] if truth.has_effusion else NORMAL_IMPRESSION)
        return _paragraph(d, facts, count), impression
    again = effusion_sentences(truth, d.rng)[:2]
    if not truth.has_effusion and d.chance(0.5):
        again = [d.of(NORMAL_IMPRESSION)]
    return _paragraph(d, facts, count), " ".join(again)


def write_report(truth: Truth, rng: np.random.Generator) -> Report:
    """Write a report that asserts or denies what ``truth`` says, and nothing that it does not."""
    d = _Draw(rng)
    facts = effusion_sentences(truth, rng)
    sex = truth.sex if d.chance(0.4) else None
    age = truth.age if d.chance(0.4) else None
    # The odds of silence count all reports, and only those without an effusion can be silent.
    if not truth.has_effusion and d.chance(2 * SILENT_ODDS):
        findings, impression = (
            (d.of(NORMAL_WHOLE), "") if d.chance(0.6) else (_paragraph(d, [], int(rng.integers(2, 6))), "")
        )
    elif d.chance(BARE_ODDS):
        findings, impression = " ".join(facts), ""
        if d.chance(0.1):
            findings, impression = "", findings
    else:
        findings, impression = _full(d, truth, facts)
    return Report(_cased(d, findings), _cased(d, impression), sex, age)

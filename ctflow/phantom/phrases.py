"""How a finding is asserted and denied. Held-out phrasings are never used in training: they test understanding.

Slots in braces: ``{size}`` a size word, ``{quantity}`` a size before "amount", ``{mildly}`` an adverb of size,
``{where}`` a place with its preposition, ``{side}``, ``{lobe}``, ``{abbreviation}`` of a lobe (RLL), ``{device}``,
``{number}``, ``{mm}``, ``{cm}``, ``{ml}``, ``{ratio}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ctflow.phantom.truth import Kind, Size

AMOUNTS: dict[Size, tuple[str, ...]] = {
    "small": ("small", "small", "small", "minimal", "mild", "minor", "trace", "slight"),
    "moderate": ("moderate", "moderate", "moderate", "moderately sized", "medium-sized", "intermediate"),
    "large": ("large", "large", "large", "massive", "extensive", "severe", "very large", "marked", "huge"),
}
SEVERITIES: dict[Size, tuple[str, ...]] = {
    "small": ("mild", "mild", "mild", "slight", "minimal", "minor", "subtle"),
    "moderate": ("moderate", "moderate", "moderate", "moderately pronounced", "intermediate"),
    "large": ("severe", "severe", "marked", "extensive", "advanced", "pronounced"),
}
OBJECT_SIZES: dict[Size, tuple[str, ...]] = {
    "small": ("small", "small", "tiny", "minor", "little"),
    "moderate": ("moderate", "medium-sized", "moderately sized", "intermediate-sized"),
    "large": ("large", "large", "big", "bulky", "very large"),
}


QUANTITIES: dict[Size, tuple[str, ...]] = {
    "small": ("small", "small", "minimal", "trace"),
    "moderate": ("moderate",),
    "large": ("large", "large", "massive", "very large", "huge"),
}
ADVERBS: dict[Size, tuple[str, ...]] = {
    "small": ("mildly", "mildly", "slightly", "minimally"),
    "moderate": ("moderately",),
    "large": ("severely", "severely", "markedly"),
}

Place = Literal["lobe", "side", "lungs", "none"]  # what a kind's sentences say of where it is


@dataclass(frozen=True)
class Noun:
    """A noun phrase. With slots, it is only asserted, never denied. Without one for its size, that is put in front."""

    text: str
    number: Literal["one", "many", "mass"]


def nouns(*, one: tuple[str, ...] = (), many: tuple[str, ...] = (), mass: tuple[str, ...] = ()) -> tuple[Noun, ...]:
    """Noun phrases that take "a", a plural verb, or neither."""
    return (
        *(Noun(text, "one") for text in one),
        *(Noun(text, "many") for text in many),
        *(Noun(text, "mass") for text in mass),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Phrases:
    """The phrasings of one kind: whole sentences, and nouns that are put into sentence frames beside these.

    ``nouns`` are asserted and denied, ``denied_nouns`` only denied; a noun that is denied may not include another kind.
    ``measures`` end a sentence.
    """

    assertions: tuple[str, ...]
    held_out_assertions: tuple[str, ...]
    denials: tuple[str, ...] = ()
    held_out_denials: tuple[str, ...] = ()
    words: dict[Size, tuple[str, ...]] = field(default_factory=lambda: SEVERITIES)
    nouns: tuple[Noun, ...] = ()
    denied_nouns: tuple[Noun, ...] = ()
    place: Place = "none"
    measures: tuple[str, ...] = ("",)


LOBE_KNOWN = (
    "in the {side} {lobe} lobe",
    "in the {side} {lobe} lobe",
    "in the {lobe} lobe of the {side} lung",
    "in the {lobe} lobe on the {side}",
    "in the {side} lung {lobe} lobe",
    "within the {side} {lobe} lobe",
    "within the {lobe} lobe of the {side} lung",
    "at the level of the {side} {lobe} lobe",
    "on the {side} in the {lobe} lobe",
    "in the {lobe} lobe on the {side} side",
    "in the {abbreviation}",
)
LOBE_HELD_OUT = ("on the {side} within the {lobe} lobe", "within the {lobe} lobe on the {side}")
# These only follow a noun.
OF_LOBE_KNOWN = (
    "of the {side} {lobe} lobe",
    "of the {lobe} lobe of the {side} lung",
    "involving the {lobe} lobe of the {side} lung",
    "in the {lobe} lobe, {side} side",
)
OF_LOBE_HELD_OUT = (
    "within the {lobe} lobe, {side} side",
    "involving the {side} {lobe} lobe",
    "of the {lobe} lobe on the {side}",
)
BASE_KNOWN = ("at the {side} lung base", "in the {side} lower lobe basal segments")
APEX_KNOWN = ("at the {side} lung apex", "in the {side} upper lobe apical segment")
SIDE_KNOWN = (
    "on the {side}",
    "in the {side} hemithorax",
    "on the {side} side",
    "in the {side} pleural space",
    "in the {side} pleural cavity",
)
SIDE_HELD_OUT = (
    "within the {side} hemithorax",
    "within the {side} pleural space",
    "in the pleural cavity on the {side}",
)
BOTH_KNOWN = (
    "in both lungs",
    "bilaterally",
    "in both lungs",
    "in both lung parenchyma",
    "within the lungs",
    "throughout the lungs",
    "on both sides",
    "in the right and left lungs",
)
BOTH_HELD_OUT = ("throughout both lungs", "within both lungs")
DEVICE_WORDS: dict[str, tuple[str, ...]] = {
    "port": ("port catheter", "implanted port with its catheter tip in the superior vena cava", "chest port"),
    "pacemaker": ("cardiac pacemaker", "pacemaker with leads in the right heart", "pacemaker generator and leads"),
    "central venous catheter": ("central venous catheter", "central venous line", "jugular catheter"),
    "chest tube": ("right chest tube", "right-sided chest tube", "thoracic drain on the right"),
    "sternal wires": ("sternotomy wires", "sternal wires", "metallic sutures of a sternotomy"),
    "tracheal tube": ("endotracheal tube and a nasogastric tube", "tracheal tube and a gastric tube"),
}
NODULE_WORDS: dict[str, tuple[str, ...]] = {
    "solid": ("nodule", "nodule", "solid nodule", "pulmonary nodule", "lung nodule"),
    "ground-glass": ("ground-glass nodule", "nodule of ground-glass density", "subsolid nodule"),
    "calcified": ("calcified nodule", "calcific nodule"),
}

NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five"}

# Statements that deny several kinds at once, or one in general words. What they deny must be absent.
GENERAL_DENIALS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("No pleural effusion or pneumothorax.", ("Pleural effusion", "Pneumothorax")),
    ("No pleural effusion or pneumothorax was detected.", ("Pleural effusion", "Pneumothorax")),
    ("No pleural or pericardial effusion.", ("Pleural effusion", "Pericardial effusion")),
    ("Pericardial, pleural effusion was not detected.", ("Pleural effusion", "Pericardial effusion")),
    ("No mass, nodule or infiltration was detected in both lungs.", ("Lung nodule", "Consolidation", "Lung opacity")),
    ("No active infiltration or mass lesion in the lungs.", ("Lung nodule", "Consolidation", "Lung opacity")),
    ("No consolidation or ground-glass opacity.", ("Consolidation", "Lung opacity")),
    ("No emphysema, bronchiectasis or fibrosis.", ("Emphysema", "Bronchiectasis", "Pulmonary fibrotic sequela")),
    ("No calcified plaques in the aorta or coronary arteries.",
     ("Arterial wall calcification", "Coronary artery wall calcification")),
    ("Heart contour and size are normal, no pericardial effusion.", ("Cardiomegaly", "Pericardial effusion")),
    ("Ventilation of both lungs is natural, no atelectasis or consolidation.", ("Atelectasis", "Consolidation")),
)  # fmt: skip
# What a denial of one kind also denies. That must be absent too.
ALSO_DENIED: dict[str, tuple[Kind, ...]] = {
    "Pleural spaces are clear.": ("Pneumothorax",),
    "No effusion.": ("Pericardial effusion",),
    "There is no effusion.": ("Pericardial effusion",),
    "Effusion was not detected.": ("Pericardial effusion",),
    "No effusions.": ("Pericardial effusion",),
    "No lung opacity.": ("Consolidation",),
    "There is no opacity in the lung parenchyma.": ("Consolidation",),
    "No arterial wall calcification.": ("Coronary artery wall calcification",),
}
# Statements that are true of every phantom.
BACKGROUND = (
    "Trachea and both main bronchi are open.",
    "Trachea and main bronchi are in the midline and patent.",
    "No occlusive pathology was observed in the trachea or main bronchi.",
    "The aorta is of normal calibre.",
    "Thoracic aorta diameter is normal.",
    "Thoracic oesophagus calibration was normal.",
    "No significant tumoral wall thickening was detected in the oesophagus.",
    "Upper abdominal organs included in the sections are normal.",
    "Liver and spleen are unremarkable as far as seen.",
    "No fracture or lytic-destructive lesion in the bones.",
    "Bone structures in the study area are natural.",
    "Vertebral corpus heights are preserved.",
    "Mediastinum could not be evaluated optimally in the non-contrast examination.",
    "Both adrenal glands are normal.",
    "Contrast material was not given.",
    "Thyroid gland as far as included is normal.",
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
NORMAL_IMPRESSION = (
    "Findings within normal limits.",
    "No acute pathology.",
    "No significant finding.",
    "Examination within normal limits.",
)

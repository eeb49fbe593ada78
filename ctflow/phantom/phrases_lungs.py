"""Phrasings of what is found in the lungs."""

from __future__ import annotations

from ctflow.phantom.phrases import SIZES_OF_A_THING, Phrases
from ctflow.phantom.truth import Kind

NODULES = Phrases(  # where there are several
    told=(
        "Multiple {nodules} {where}, the largest {mm} mm.",
        "Several {nodules} {where}, the largest measuring {mm} mm in diameter.",
        "{Number} {nodules} {where}, the largest of {mm} mm.",
        "There are {number} {nodules} {where}, up to {mm} mm.",
        "{Where} {number} {nodules} are seen, the largest with a diameter of {cm} cm.",
    ),
    told_new=(
        "{Nodules} {where}, {number} of them, {mm} mm across at most.",
        "Scattered {nodules} {where} up to {mm} mm.",
    ),
    denied=(),
    denied_new=(),
)
LUNGS: dict[Kind, Phrases] = {
    "Lung nodule": Phrases(
        words=SIZES_OF_A_THING,
        told=(
            "A {mm} mm {nodule} {where}.",
            "{Nodule} of {mm} mm {where}.",
            "{Nodule} measuring {mm} mm in diameter {where}.",
            "There is a {size} {nodule} with a diameter of {mm} mm {where}.",
            "A {size} {nodule} is observed {where}.",
            "{Where} a {nodule} of {mm} mm is seen.",
            "A {nodule} with a diameter of {cm} cm was observed {where}.",
            "{Size} {nodule} {where}, {mm} mm.",
        ),
        told_new=("{Where} there is a round {nodule}, {mm} mm across.", "A {mm} mm {nodule} lies {where}."),
        denied=(
            "No lung nodule.",
            "No nodule.",
            "No mass or nodule was detected in the lungs.",
            "Nodule was not observed in the lung parenchyma.",
            "There is no pulmonary nodule.",
        ),
        denied_new=("The lungs contain no nodule.", "Nodules are absent."),
    ),
    "Consolidation": Phrases(
        told=(
            "Consolidation {where}.",
            "{Size} consolidation {where}.",
            "{Size} consolidation with air bronchograms {where}.",
            "There is a {size} area of consolidation {where}.",
            "Consolidation of {mm} mm with air bronchograms {where}.",
            "{Where} a {size} consolidation is observed.",
            "{Size} pneumonic consolidation {where}, measuring {mm} mm.",
        ),
        told_new=("{Size} airspace filling {where}.", "The lung is consolidated {where}, {size} in extent."),
        denied=(
            "No consolidation.",
            "No consolidation was observed.",
            "There is no consolidation in the lungs.",
            "Consolidation was not detected in either lung.",
        ),
        denied_new=("Neither lung is consolidated.", "Airspace consolidation is absent."),
    ),
    "Lung opacity": Phrases(
        told=(
            "Ground-glass opacity {where}.",
            "{Size} ground-glass opacity {where}.",
            "{Size} area of ground-glass density {where}.",
            "There is a {size} opacity of ground-glass density {where}, {mm} mm.",
            "{Where} {size} ground-glass opacities are observed.",
            "{Size} lung opacity {where}.",
            "Ground glass opacity of {cm} cm {where}.",
        ),
        told_new=("Hazy attenuation of {size} extent {where}.", "A {size} ground-glass patch is noted {where}."),
        denied=(
            "No ground-glass opacity.",
            "No lung opacity.",
            "Ground-glass density was not observed.",
            "There is no opacity in the lung parenchyma.",
        ),
        denied_new=("Ground-glass change is absent.",),
    ),
    "Atelectasis": Phrases(
        words={
            "small": ("linear", "linear", "plate-like", "subsegmental", "band-like", "small linear"),
            "moderate": ("segmental", "segmental", "moderate", "moderate segmental"),
            "large": ("lobar", "complete", "total", "severe", "lobar"),
        },
        told=(
            "{Size} atelectasis {where}.",
            "{Size} atelectatic changes {where}.",
            "There is {size} atelectasis {where}.",
            "{Where} {size} atelectasis is observed.",
            "{Size} atelectasis is present {where}.",
        ),
        told_new=(
            "{Size} loss of aeration {where} in keeping with atelectasis.",
            "The lung shows {size} atelectasis {where}.",
        ),
        denied=("No atelectasis.", "Atelectasis was not observed.", "There is no atelectasis in the lungs."),
        denied_new=("No part of the lungs is atelectatic.",),
    ),
    "Emphysema": Phrases(
        told=(
            "{Size} emphysema {where}.",
            "{Size} emphysematous changes {where}.",
            "{Size} centrilobular emphysema.",
            "There is {size} emphysema {where}.",
            "{Size} centriacinar emphysema in the upper lobes.",
            "Emphysema, {size}.",
        ),
        told_new=("Emphysematous destruction of {size} extent.", "The lungs show {size} emphysema."),
        denied=("No emphysema.", "Emphysema was not observed.", "There is no emphysema in the lungs."),
        denied_new=("Emphysematous change is absent.",),
    ),
    "Pulmonary fibrotic sequela": Phrases(
        told=(
            "{Size} fibrotic sequelae {where}.",
            "{Size} sequela fibrotic changes {where}.",
            "{Size} pleuroparenchymal sequela changes {where}.",
            "{Size} fibrotic bands {where}.",
            "There are {size} sequela fibrotic densities {where}.",
        ),
        told_new=("{Size} scarring {where}.", "{Where} there are {size} fibrous scars."),
        denied=("No fibrotic sequelae.", "No fibrosis.", "Fibrotic changes were not observed."),
        denied_new=("Scars are absent.",),
    ),
    "Mosaic attenuation pattern": Phrases(
        told=(
            "{Size} mosaic attenuation pattern {where}.",
            "There is a {size} mosaic attenuation pattern in both lungs.",
            "{Size} mosaic attenuation, air trapping.",
            "{Size} mosaic perfusion {where}.",
        ),
        told_new=(
            "The lungs show {size} mosaic attenuation.",
            "{Size} geographic inhomogeneity of lung density, a mosaic.",
        ),
        denied=("No mosaic attenuation.", "Mosaic attenuation pattern was not observed."),
        denied_new=("Mosaic attenuation is absent.",),
    ),
    "Peribronchial thickening": Phrases(
        told=(
            "{Size} peribronchial thickening {where}.",
            "{Size} bronchial wall thickening {where}.",
            "There is {size} peribronchial thickening.",
            "{Size} thickening of the bronchial walls.",
        ),
        told_new=("The bronchial walls are thickened to a {size} degree.", "{Size} peribronchial cuffing."),
        denied=("No peribronchial thickening.", "Bronchial wall thickening was not observed."),
        denied_new=("The bronchial walls are thin.",),
    ),
    "Bronchiectasis": Phrases(
        told=(
            "{Size} bronchiectasis {where}.",
            "{Size} bronchiectatic changes {where}.",
            "There is {size} bronchiectasis {where}.",
            "{Where} {size} bronchiectasis is observed.",
            "{Size} dilatation of the bronchi {where}, bronchiectasis.",
        ),
        told_new=("{Size} widening of the bronchi {where}.", "Bronchi are ectatic {where}, {size}."),
        denied=("No bronchiectasis.", "Bronchiectasis was not observed.", "There is no bronchiectasis."),
        denied_new=("Bronchial dilatation is absent.",),
    ),
    "Interlobular septal thickening": Phrases(
        told=(
            "{Size} interlobular septal thickening {where}.",
            "{Size} thickening of the interlobular septa.",
            "There is {size} smooth interlobular septal thickening {where}.",
            "{Size} septal thickening {where}.",
        ),
        told_new=("The interlobular septa are thickened to a {size} degree.", "{Size} septal lines {where}."),
        denied=("No interlobular septal thickening.", "Septal thickening was not observed."),
        denied_new=("The interlobular septa are thin.",),
    ),
}

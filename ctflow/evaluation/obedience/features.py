"""Which measures each kind of finding is told from: the inputs of its detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ctflow.evaluation.obedience.measures.measure import Measures
from ctflow.phantom import Kind, sites_of

Vector = NDArray[np.float64]

# Parts of the names of those measures of a lobe that tell a kind's presence there; a kind that is not listed is told
# from all measures of its lobe or side.
OWN: dict[Kind, tuple[str, ...]] = {
    "Atelectasis": ("solid", "edge", "fluid", "ball mm", "lung share", "ground glass share", "plate"),
    "Lung nodule": ("roundest", "round 1.7 first", "round 5 first", "nodule calcium"),
    "Lung opacity": ("hazy patch", "haze", "ground glass", "dense lung", "aerated hu", "lung share"),
    "Pulmonary fibrotic sequela": ("edge", "ground glass share", "solid ml", "round 1.7", "round 3"),
    "Consolidation": (
        "solid",
        "ball mm",
        "island mm",
        "ground glass",
        "edge",
        "fluid",
        "lung share",
        "ringed air",
        "halo",
        "open bronchi",
    ),
    "Bronchiectasis": ("ringed air", "bronchial wall"),
}
# Parts of the names of further measures that concern a kind, beside those of its own lobes or sides.
ELSEWHERE: dict[Kind, tuple[str, ...]] = {
    "Medical material": ("metal", "dense ml", "peak hu"),
    "Arterial wall calcification": ("arch calcium", "aorta calcium", "oesophagus dense"),
    "Cardiomegaly": ("heart width", "cardiothoracic", "heart middle", "heart outer", "heart rim", "heart inner"),
    "Pericardial effusion": ("heart ", "cardiothoracic", "side back fluid"),
    "Coronary artery wall calcification": ("heart calcium", "heart metal", "heart dense", "arch calcium"),
    "Hiatal hernia": ("hernia",),
    "Lymphadenopathy": ("station", "mediastinum"),
    "Emphysema": ("below 950", "hole share", "thin lung", "free air", "spread hu", "patchiness"),
    "Atelectasis": ("heart middle", "side back fluid", "side aerated share", "heart width"),
    "Lung nodule": (),
    "Lung opacity": ("net share", "patchiness"),
    "Pulmonary fibrotic sequela": ("rim net share", "side back fluid"),
    "Pleural effusion": ("heart outer fluid",),
    "Mosaic attenuation pattern": ("patchiness", "spread hu", "hole share", "net share", "haze"),
    "Peribronchial thickening": ("bronchial wall", "ringed air", "net share", "hole share"),
    "Consolidation": ("side back fluid", "side aerated share", "heart width"),
    "Bronchiectasis": ("net share",),
    "Interlobular septal thickening": ("net share", "hole share", "spread hu", "haze", "patchiness"),
    "Pneumothorax": ("below 950",),
}


def features(measures: Measures, kind: Kind, names: Sequence[str]) -> Vector:
    """(sites, features) of a kind: what is measured at each of its sites, the mean of the same at its other sites, and
    what concerns the kind elsewhere.
    """
    elsewhere = [measures[name] for name in names if any(part in name for part in ELSEWHERE.get(kind, ()))]
    sites = sites_of(kind)
    if len(sites) == 1:
        return _compressed(np.array([elsewhere]))
    prefixes = [f"{side} {lobe or 'side'} " for side, lobe in sites]
    suffixes = [name.removeprefix(prefixes[0]) for name in names if name.startswith(prefixes[0])]
    suffixes = [suffix for suffix in suffixes if any(part in suffix for part in OWN.get(kind, ("",)))]
    own = _compressed(np.array([[measures[prefix + suffix] for suffix in suffixes] for prefix in prefixes]))
    at_others = (own.sum(0) - own) / (len(sites) - 1)
    return np.concatenate([own, at_others, np.tile(_compressed(np.array(elsewhere)), (len(sites), 1))], 1)


def _compressed(values: Vector) -> Vector:
    """Logarithms, because millilitres and the like differ by orders of magnitude."""
    return np.sign(values) * np.log1p(np.abs(values))

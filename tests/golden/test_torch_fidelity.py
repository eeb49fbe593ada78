"""Our metrics and our Inception-v3 against numbers of torch-fidelity (ORIGIN.md beside them)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from ctflow.checkpoint.weights import shapes_of
from ctflow.evaluation.metrics.frechet import frechet_distance
from ctflow.evaluation.metrics.inception_score import inception_score
from ctflow.evaluation.metrics.kernel import kernel_distance
from ctflow.evaluation.metrics.networks.inception import InceptionV3
from ctflow.evaluation.metrics.precision_recall import precision_recall
from tests.golden.inception_weights import drawn_weights

FOLDER = Path(__file__).parent / "torch_fidelity"
IO = load_file(FOLDER / "io.safetensors")
NUMBERS = json.loads((FOLDER / "numbers.json").read_text(encoding="utf-8"))
RELATIVE = 1e-4


def test_fid() -> None:
    assert frechet_distance(IO["real"], IO["fake"]) == pytest.approx(NUMBERS["fid"], rel=RELATIVE)


def test_kid() -> None:
    assert kernel_distance(IO["real"][:50], IO["fake"]) == pytest.approx(NUMBERS["kid"], rel=RELATIVE)


def test_inception_score() -> None:
    exponentials = np.exp(IO["logits"])
    probabilities = exponentials / exponentials.sum(1, keepdims=True)
    assert inception_score(probabilities) == pytest.approx(NUMBERS["isc"], rel=RELATIVE)


def test_precision_and_recall() -> None:
    """Of torch-fidelity's two inputs the first is the generated one, and it was given the real one there."""
    found = precision_recall(IO["real"], IO["fake"])
    assert found.precision == pytest.approx(NUMBERS["prc"]["recall"], rel=RELATIVE)
    assert found.recall == pytest.approx(NUMBERS["prc"]["precision"], rel=RELATIVE)


@pytest.mark.slow
def test_inception_v3() -> None:
    network = InceptionV3().eval()
    network.load_state_dict(drawn_weights(shapes_of(network.state_dict())))
    with torch.inference_mode():
        features = network(torch.from_numpy(IO["pictures"]))
        probabilities = network.probabilities(features)
    torch.testing.assert_close(features, torch.from_numpy(IO["features"]), atol=1e-5, rtol=1e-5)
    expected = torch.from_numpy(IO["logits_unbiased"]).softmax(1)
    torch.testing.assert_close(probabilities, expected, atol=1e-6, rtol=1e-4)

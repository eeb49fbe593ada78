"""From the released files, fabricated, through the app's server to slices that somebody sees."""

from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client

from app.chunks import unpack
from ctflow.pipeline import CTFlow
from ctflow.released.convert import convert
from ctflow.report import Report
from tests.app.server import Serve
from tests.fabricated import fabricated

# Gradio and its client close sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ctflow-v1", "ctflow-v2"])
def test_a_converted_folder_streams_its_slices(serve: Serve, name: str, tmp_path: Path) -> None:
    """Their rows run from right to left, and the viewer's from front to back."""
    released = fabricated(tmp_path / name, name)
    convert(released.spec, released.sources, tmp_path / "model")
    model = CTFlow.load(tmp_path / "model", "cpu")
    request = model.card.request(Report("No pleural effusion."), seed=3, steps=2, chunks=2)
    client = Client(serve(model), verbose=False, download_files=str(tmp_path / "client"), analytics_enabled=False)
    job = client.submit(request.report.findings, seed=3, steps=2, chunks=2, solver="euler", api_name="/stream")
    events = list(job)
    chunks = [chunk for event in events for chunk in event["new_chunks"]]
    hu = [unpack(Path(chunk["file"]).read_bytes(), (chunk["slices"], 64, 64)) for chunk in chunks]
    assert events[-1]["state"] == "finished"
    grid = events[-1]["grid"]
    assert [grid[name] for name in ("shape", "spacing", "axes")] == [[8, 64, 64], [1.5, 1.5, 1.5], ["S", "P", "L"]]
    np.testing.assert_array_equal(np.concatenate(hu), model.generate(request).hu)

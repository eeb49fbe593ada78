"""A real server, as programs meet it."""

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import SimpleITK as sitk
from gradio_client import Client
from gradio_client.exceptions import AppError
from pydantic import TypeAdapter

from app.chunks import unpack
from ctflow.__main__ import main
from ctflow.card import Guidance, ModelCard
from ctflow.io.nifti import read_nifti, write_nifti
from ctflow.io.sidecar import read_sidecar
from ctflow.pipeline import CTFlow
from ctflow.report import Report
from ctflow.volume import Volume, plane_affine
from tests.app.fake import SIZE, SPACING_MM, WAIT_S, FakeGenerator, Gate, chest, sleeping, wait_until
from tests.app.server import Serve
from tests.tiny import tiny_checkpoint

# Gradio and its client close sockets by way of the collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = Path(__file__).parents[2]


def client(url: str, folder: Path) -> Client:
    return Client(url, verbose=False, download_files=str(folder), analytics_enabled=False)


@pytest.mark.slow
def test_two_visitors_at_once_each_get_their_own_volume(serve: Serve, tmp_path: Path) -> None:
    url = serve(sleeping(0.01))

    def visit(seed: int) -> np.ndarray:
        one = client(url, tmp_path / str(seed))
        path, _ = one.predict("Clear.", seed=seed, chunks=2, steps=2, api_name="/generate")
        return sitk.GetArrayFromImage(sitk.ReadImage(path))

    with ThreadPoolExecutor() as pool:
        for seed, hu in enumerate(pool.map(visit, range(3))):
            np.testing.assert_array_equal(hu, chest(32, seed, "I"))


def test_a_program_whose_request_is_refused_is_told_why(serve: Serve, tmp_path: Path, instant: FakeGenerator) -> None:
    one = client(serve(instant), tmp_path)
    with pytest.raises(AppError, match="The report is empty"):
        one.predict(" ", api_name="/generate")
    with pytest.raises(AppError, match="at most 6 chunks"):
        one.predict("Clear.", chunks=7, api_name="/generate")


# Fields that are refused, and the words that give them on the command line.
REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"findings": " "}, ["--report", " "]),
    ({"findings": "x" * 50_000}, ["--report", "x" * 50_000]),
    ({"findings": "\u202e\x00"}, ["--report", "\u202e"]),
    ({"seed": -1}, ["--seed", "-1"]),
    ({"steps": 0}, ["--steps", "0"]),
    ({"steps": 3, "solver": "midpoint"}, ["--steps", "3", "--solver", "midpoint"]),
    ({"chunks": 7}, ["--chunks", "7"]),
    ({"guidance": 3.0}, ["--guidance", "3"]),
    ({"guidance_above_t": 2.0}, ["--guidance-above-t", "2"]),
    ({"age": 200}, ["--age", "200"]),
    ({"age": "old"}, ["--age", "old"]),
    ({"seed": "seven"}, ["--seed", "seven"]),
    ({"steps": 2.5}, ["--steps", "2.5"]),
    ({"guidance": "much"}, ["--guidance", "much"]),
    ({"sex": "X"}, ["--sex", "X"]),
    ({"solver": "heun"}, ["--solver", "heun"]),
]


@pytest.mark.slow
def test_page_program_and_command_line_refuse_in_the_same_words(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_checkpoint(tmp_path / "model", guidance=Guidance(trained=False, default=1.0))
    url = serve(CTFlow.load(folder, "cpu"))
    program = client(url, tmp_path / "program")
    for fields, words in REFUSED:
        shown = httpx.post(f"{url}ask/start", json={"findings": "Clear.", **fields}).json()["problem"]
        with pytest.raises(AppError) as refused:
            program.predict(**{"findings": "Clear.", **fields}, api_name="/generate")
        where = ["--model", str(folder), "--device", "cpu", "--out", str(tmp_path / "a.nii.gz")]
        assert main(["generate", "--report", "Clear.", "--seed", "1", *where, *words]) == 2
        assert str(refused.value) == shown
        assert capsys.readouterr().err == f"ctflow: {shown}\n"
    assert not list(tmp_path.glob("a.*"))


def test_programs_see_the_endpoints_and_nothing_of_the_page(
    serve: Serve, tmp_path: Path, instant: FakeGenerator
) -> None:
    endpoints = client(serve(instant), tmp_path).view_api(return_format="dict", print_info=False)
    assert isinstance(endpoints, dict)
    expected = ["/generate", "/stream", "/export", "/model", "/ablate", "/seeds", "/continue", "/scan"]
    assert list(endpoints["named_endpoints"]) == expected


def test_a_stream_brings_each_chunk_once(serve: Serve, tmp_path: Path) -> None:
    one = client(serve(FakeGenerator(lambda *_: time.sleep(0.01), drafts=True)), tmp_path)
    events = list(one.submit("Clear.", seed=3, chunks=3, api_name="/stream"))
    assert not any("draft" in event for event in events), "that is for a page"
    chunks = [chunk for event in events for chunk in event["new_chunks"]]
    assert [(chunk["first_slice"], chunk["slices"]) for chunk in chunks] == [(0, 16), (16, 16), (32, 16)]
    hu = [unpack(Path(chunk["file"]).read_bytes(), (16, 256, 256)) for chunk in chunks]
    np.testing.assert_array_equal(np.concatenate(hu), chest(48, 3, "I"))
    assert events[-1]["state"] == "finished"
    assert events[-1]["grid"]["axes"] == ["I", "P", "L"]


def test_a_program_takes_files_of_a_run_by_its_id_and_is_told_why_not(
    serve: Serve, tmp_path: Path, instant: FakeGenerator
) -> None:
    one = client(serve(instant), tmp_path)
    run = list(one.submit("Clear.", seed=3, chunks=1, api_name="/stream"))[-1]["run"]
    np.testing.assert_array_equal(read_nifti(Path(one.predict(run, api_name="/export"))).hu, chest(16, 3, "I"))
    assert read_sidecar(Path(one.predict(run, "sidecar", api_name="/export"))).seed == 3
    for wanted, words in ([run, "pdf"], "one of nifti"), (["no-such-run", "nifti"], "no longer on the server"):
        with pytest.raises(AppError, match=words):
            one.predict(*wanted, api_name="/export")


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", ["/generate", "/stream"])
def test_a_program_that_cancels_stops_its_run_within_a_step(
    serve: Serve, tmp_path: Path, endpoint: str, gated: FakeGenerator, gate: Gate
) -> None:
    one = client(serve(gated), tmp_path)
    job = one.submit("Clear.", api_name=endpoint)
    gate.wait_inside()
    gate.open(1)
    gate.wait_inside()
    wait_until(job.outputs)
    assert job.cancel()
    time.sleep(1)
    gate.open(1)
    wait_until(lambda: gated.closed == 1)
    assert gate.count == 2


def test_a_program_that_hangs_up_stops_its_run_within_a_step(serve: Serve, gated: FakeGenerator, gate: Gate) -> None:
    address = f"{serve(gated)}gradio_api/call"
    event = httpx.post(f"{address}/v2/stream", json={"findings": "Clear."}).json()["event_id"]
    with httpx.stream("GET", f"{address}/stream/{event}", timeout=WAIT_S) as events:
        gate.wait_inside()
        assert next(events.iter_lines())

    def is_closed_after_another_step() -> bool:
        gate.open(1)
        return gated.closed == 1

    wait_until(is_closed_after_another_step)
    assert gate.count < gated.card.defaults.steps * gated.card.defaults.chunks


@pytest.mark.parametrize("report", ["Erguß 👩‍⚕️ 胸水", "<script>alert(1)</script>", "انصباب جنبي"])
def test_any_letters_come_back_in_the_sidecar_and_in_no_file_name(
    serve: Serve, tmp_path: Path, report: str, instant: FakeGenerator
) -> None:
    one = client(serve(instant), tmp_path)
    volume, sidecar = (Path(path) for path in one.predict(report, chunks=1, seed=2, api_name="/generate"))
    assert read_sidecar(sidecar).report == Report(report)
    assert re.fullmatch(r"synthetic-ctflow-fake-[0-9a-f]{8}-seed2\.nii\.gz", volume.name)
    assert sidecar.name == volume.name.replace(".nii.gz", ".json")


def test_the_model_endpoint_gives_the_whole_card(serve: Serve, tmp_path: Path, instant: FakeGenerator) -> None:
    card = client(serve(instant), tmp_path).predict(api_name="/model")
    assert TypeAdapter(ModelCard).validate_python(card) == instant.card


@pytest.mark.slow
def test_health_counts_the_runs_that_wait(serve: Serve, tmp_path: Path, gated: FakeGenerator, gate: Gate) -> None:
    url = serve(gated)
    assert httpx.get(f"{url}health").json() == {"model": "fake", "device": "cpu", "queue": 0}
    jobs = [client(url, tmp_path).submit("Clear.", chunks=1, steps=1, api_name="/generate") for _ in range(3)]
    wait_until(lambda: httpx.get(f"{url}health").json()["queue"] == 2)
    gate.open(3)
    for job in jobs:
        job.result()
    assert httpx.get(f"{url}health").json()["queue"] == 0


def examples(language: str) -> list[str]:
    readme = (ROOT / "app/README.md").read_text(encoding="utf-8")
    section = readme.split("## For programs")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.mark.slow
def test_the_readmes_examples_for_programs_work(serve: Serve, tmp_path: Path, instant: FakeGenerator) -> None:
    url = serve(instant).rstrip("/")
    affine = plane_affine(("S", "P", "L"), SPACING_MM, SIZE, SIZE)
    write_nifti(Volume(chest(64, 5, "S"), affine), tmp_path / "chest.nii.gz", "")
    code = "".join(examples("python")).replace("http://127.0.0.1:7860", url)
    code += "\nprint(volume, hu.shape, hu.min(), card['name'], series)\nprint(mean, longer, rest_of_scan)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=tmp_path, capture_output=True, encoding="utf-8", check=True
    )
    assert re.search(
        r"synthetic-ctflow-fake-[0-9a-f]{8}-seed7\.nii\.gz \(16, 256, 256\) -1000 fake .*-seed7-dicom\.zip", done.stdout
    )
    assert "finished Done: 32 slices" in done.stdout
    np.testing.assert_array_equal(read_nifti(Path(done.stdout.split()[-1])).hu[:16], chest(64, 5, "I")[:16])
    (shell,) = examples("sh")
    command = ["bash", "-euo", "pipefail", "-c", shell.replace("http://127.0.0.1:7860", url)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    assert '"model":"fake"' in done.stdout
    np.testing.assert_array_equal(read_nifti(tmp_path / "effusion.nii.gz").hu, chest(32, 7, "I"))

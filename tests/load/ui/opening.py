"""How long a DICOM series of 300 slices of 512 x 512 takes from the choice of its zip to the planes, and the server's
memory meanwhile."""

import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser

from ctflow.io.dicom_series import SeriesText, write_dicom_zip
from ctflow.volume import Volume, plane_affine
from tests.app.fake import chest_slice
from tests.app.server import Apart
from tests.load.figures import Figure
from tests.load.ui.memory import most_memory

SHAPE = (300, 512, 512)
SPACING_MM = (1.0, 0.75, 0.75)
NOISE_HU = 20
TEXT = SeriesText(model="bench", label="a scan", derivation="", missing="", made_at=datetime(2026, 1, 1))
OPENED_S, SERVER_GB = 10.0, 1.0


def dicom_zip(browser: Browser) -> Iterator[Figure]:
    """Of a server in a process of its own, all of whose processes count."""
    with tempfile.TemporaryDirectory() as folder:
        zipped = Path(folder) / "scan.zip"
        write_dicom_zip(scan(), zipped, TEXT)
        print(f"a zip of {zipped.stat().st_size / 1e6:.0f} MB")
        server = Apart(Path(folder) / "server")
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(server.url)
            page.get_by_role("button", name="Open scan…").click()
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Choose files…").click()
            with most_memory(server.process.pid) as most_bytes:
                began_s = time.monotonic()
                chooser.value.set_files(zipped)
                page.locator(".ctv-axial canvas[aria-label*='/ 300']").wait_for(timeout=120_000)
                page.locator(".ctv-status").get_by_text(": 300 slices").wait_for(timeout=120_000)
                opened_s = time.monotonic() - began_s
            page.close()
        finally:
            server.kill()
    yield Figure("DICOM zip of 512 x 512 x 300, opened", opened_s, OPENED_S, " s")
    yield Figure("its server's memory at most", max(most_bytes) / 1e9, SERVER_GB, " GB")


def scan() -> Volume:
    """A chest with noise, as the slices of a scanner have it: they hardly compress."""
    noise = np.random.default_rng(0).normal(0, NOISE_HU, SHAPE[1:])
    slices = [chest_slice(i / SHAPE[0], 0).repeat(2, 0).repeat(2, 1) + np.roll(noise, 31 * i) for i in range(SHAPE[0])]
    return Volume(
        np.stack([one.astype(np.int16) for one in slices]), plane_affine(("I", "P", "L"), SPACING_MM, *SHAPE[1:])
    )

"""A visitor without a browser, who asks as the page does (app/viewer/session.js) and checks every voxel."""

import random
import secrets
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx
import numpy as np

from app.chunks import unpack
from tests.app.fake import chest

ACTIONS = ("finish", "finish", "stop", "reload", "close the tab", "bad input", "leave the line")
LONGEST_S = 300
BAD: tuple[dict[str, Any], ...] = (
    {"findings": " "},
    {"findings": "x" * 50_000},
    {"findings": 7},
    {"seed": -1},
    {"seed": "seven"},
    {"steps": 3, "solver": "midpoint"},
    {"chunks": 99},
    {"age": "old"},
    {"guidance": [1]},
    {"run": "../x"},
)


@dataclass
class Tally:
    """What is reported; visitors keep their own, and they are added up."""

    asked: int = 0
    finished: int = 0
    stopped: int = 0
    refused: int = 0
    lost: int = 0
    mixed: int = 0
    stops_s: list[float] = field(default_factory=list)
    attaches_s: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


@lru_cache(maxsize=16)
def expected(slices: int, seed: int) -> np.ndarray:
    return chest(slices, seed, "I")


class Visitor:
    """One tab. `known`: whether the model is the fake one, whose every voxel is known."""

    def __init__(self, url: str, number: int, known: bool = True, chunks: int = 2) -> None:
        self.url = url
        self.known = known
        self.chunks = chunks
        self.name = f"visitor {number}"
        self.random = random.Random(number)
        self.tally = Tally()
        self.open()

    def open(self) -> None:
        """As a page that is loaded: a new connection, and the page itself."""
        self.http = httpx.Client(timeout=30)
        components = self.http.get(f"{self.url}config").json()["components"]
        self.viewer = next(c["id"] for c in components if c["props"].get("server_fns"))

    def ask(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Asks until there is an answer, as the page does."""
        asked = {"data": data, "component_id": self.viewer, "fn_name": name, "session_hash": self.name}
        until_s = time.monotonic() + LONGEST_S
        while True:
            try:
                return self.http.post(f"{self.url}gradio_api/component_server/", json=asked).raise_for_status().json()
            except httpx.HTTPError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.2)

    def visit(self) -> None:
        """One thing that a visitor does."""
        action = self.random.choice(ACTIONS)
        if action == "bad input":
            self.send_bad_input()
            return
        seed = self.random.randrange(1000)
        run = secrets.token_urlsafe(16)
        answer = self.ask("start", {**self.fields(seed), "run": run})
        if "problem" in answer:
            self.tally.refused += 1
            return
        self.tally.asked += 1
        self.act(action, run)
        self.see_the_end(run, seed)

    def act(self, action: str, run: str) -> None:
        match action:
            case "stop":
                self.wait_until_it_runs(run)
                self.stop(run)
            case "leave the line":
                self.stop(run)
            case "reload":
                self.reload(run)
            case "close the tab":
                self.sleep()

    def fields(self, seed: int) -> dict[str, Any]:
        """What the report panel sends."""
        report = {"findings": f"{self.name} wrote this.", "impression": "", "sex": "", "age": ""}
        return {**report, "visitor": self.name, "seed": seed, "chunks": self.chunks, "steps": 4}

    def send_bad_input(self) -> None:
        answer = self.ask("start", {**self.fields(1), **self.random.choice(BAD)})
        self.tally.refused += 1
        self.tally.mixed += "problem" not in answer or "our side" in answer["problem"]

    def wait_until_it_runs(self, run: str) -> None:
        news = self.ask("news", {"run": run})
        while news["state"] == "waiting":
            news = self.ask("news", {"run": run, "seen": news["version"]})

    def stop(self, run: str) -> None:
        time.sleep(self.random.uniform(0, 0.2))
        asked_s = time.monotonic()
        was_running = self.ask("news", {"run": run})["state"] == "running"
        self.ask("stop", {"run": run})
        while self.ask("news", {"run": run})["state"] in ("waiting", "running"):
            time.sleep(0.02)
        if was_running:
            self.tally.stops_s.append(time.monotonic() - asked_s)

    def reload(self, run: str) -> None:
        """The connection goes, in the middle of an answer if need be, and the page is loaded again."""
        time.sleep(self.random.uniform(0, 0.5))
        self.http.close()
        self.open()
        began_s = time.monotonic()
        self.slices(self.ask("news", {"run": run}))
        self.tally.attaches_s.append(time.monotonic() - began_s)

    def sleep(self) -> None:
        self.http.close()
        time.sleep(self.random.uniform(0.5, 3))
        self.open()

    def see_the_end(self, run: str, seed: int) -> None:
        until_s = time.monotonic() + LONGEST_S
        news = self.ask("news", {"run": run})
        while news["state"] in ("waiting", "running") and time.monotonic() < until_s:
            news = self.ask("news", {"run": run, "seen": news["version"]})
        if news["state"] not in ("finished", "stopped"):
            self.tally.lost += 1
            return
        self.tally.finished += news["state"] == "finished"
        self.tally.stopped += news["state"] == "stopped"
        hu = self.slices(news)
        whole = self.chunks * 16
        self.tally.lost += news["state"] == "finished" and self.known and len(hu) != whole
        right = not (self.known and len(hu)) or np.array_equal(hu, expected(whole, seed)[: len(hu)])
        self.tally.mixed += not (right and news["seed"] == seed)

    def slices(self, news: dict[str, Any]) -> np.ndarray:
        """Fetches what is made so far: int16 HU (slices, rows, columns)."""
        made = []
        for chunk in news["chunks"]:
            data = self.http.get(f"{self.url}gradio_api/file={chunk['path']}").raise_for_status().content
            made.append(unpack(data, (chunk["slices"], *news["grid"]["shape"][1:])))
        return np.concatenate(made) if made else np.zeros((0, 0, 0), np.int16)

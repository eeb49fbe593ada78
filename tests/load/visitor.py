"""A visitor without a browser, who asks as the page does (app/viewer/data/feed.js) and checks every voxel."""

import random
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from app.chunks import unpack
from tests.app.fake import chest

ACTIONS = ("finish", "finish", "stop", "reload", "close the tab", "bad input", "leave the line")
LONGEST_S = 1800
_NO_NUMBER = ("seven", "1", "", True, [1], {"a": 1}, "\u0663", "NaN")
_BAD: dict[str, tuple[Any, ...]] = {
    "findings": (" ", "\u202e", "?!", "x" * 50_000, 7, True, ["Clear."], {"a": 1}, "\x00\n"),
    "impression": ("x" * 50_000, 7, True, ["Clear."], {"a": 1}),
    "sex": ("X", "f", "female", 1, ["F"], {"F": 1}),
    "age": (-1, 121, 54.5, True, [54], {"a": 1}, "old", "-1", "54.5", "\u0663"),
    "seed": (-1, 2**32, 1.5, 1e300, *_NO_NUMBER),
    "steps": (0, -3, 1001, 2.5, 1e300, *_NO_NUMBER),
    "chunks": (0, -1, 7, 65, 1.5, *_NO_NUMBER),
    "guidance_above_t": (-1, 1.5, *_NO_NUMBER),
    "guidance": (-1, 3, 21, 1e300, *_NO_NUMBER),
    "solver": ("heun", "Euler", 1, ["euler"], {"euler": 1}),
}
BAD: tuple[dict[str, Any], ...] = (
    *({name: value} for name, values in _BAD.items() for value in values),
    {"steps": 3, "solver": "midpoint"},
)


@dataclass
class Tally:
    """What one visitor has counted. The tallies of all visitors are added up."""

    asked: int = 0
    finished: int = 0
    stopped: int = 0
    refused: int = 0
    lost: int = 0
    mixed: int = 0
    stops: list[tuple[float, float]] = field(default_factory=list)  # when each Stop came, and its seconds
    attaches_s: list[float] = field(default_factory=list)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: value + getattr(other, name) for name, value in vars(self).items()})

    @property
    def took_s(self) -> list[float]:
        return [seconds for _, seconds in self.stops]


class Visitor:
    """A visitor with one tab. `known`: whether the model is the fake one, whose every voxel is known."""

    def __init__(self, url: str, number: int, known: bool = True, chunks: int = 2) -> None:
        self.url = url
        self.known = known
        self.chunks = chunks
        self.name = f"visitor {number}"
        self.random = random.Random(number)
        self.tally = Tally()
        self.open()

    def open(self) -> None:
        """Loads the page over a new connection."""
        self.http = httpx.Client(timeout=30)
        self.http.get(self.url).raise_for_status()

    def ask(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
        """Asks again until there is an answer, as the page does."""
        until_s = time.monotonic() + LONGEST_S
        while True:
            try:
                return self.http.post(f"{self.url}ask/{name}", json=data).raise_for_status().json()
            except httpx.HTTPError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.2)

    def visit(self) -> None:
        """Does one thing that visitors do."""
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
                self.stop_while_it_runs(run)
            case "leave the line":
                self.ask("stop", {"run": run})
            case "reload":
                self.reload(run)
            case "close the tab":
                self.sleep()

    def fields(self, seed: int) -> dict[str, Any]:
        """What the report panel sends."""
        report = {"findings": f"{self.name} wrote this.", "impression": "", "sex": "", "age": ""}
        return {**report, "visitor": self.name, "seed": seed, "chunks": self.chunks, "steps": 4}

    def send_bad_input(self) -> None:
        self.tally.refused += 1
        self.tally.mixed += not self.is_refused(self.random.choice(BAD))

    def is_refused(self, changes: dict[str, Any]) -> bool:
        """Whether the answer says in words what is wrong."""
        problem = self.ask("start", {**self.fields(1), **changes}).get("problem", "")
        return bool(problem) and "our side" not in problem

    def stop_while_it_runs(self, run: str) -> None:
        """Measures the time from Stop to the news that the run has stopped."""
        self.follow(run, ("waiting",))
        time.sleep(self.random.uniform(0, 0.2))
        asked_s = time.monotonic()
        self.ask("stop", {"run": run})
        if self.follow(run, ("running",))["state"] == "stopped":
            self.tally.stops.append((asked_s, time.monotonic() - asked_s))

    def follow(self, run: str, states: tuple[str, ...]) -> dict[str, Any]:
        """Follows a run as the page does. Returns the news as soon as the state is none of these."""
        until_s = time.monotonic() + LONGEST_S
        news = self.ask("news", {"run": run})
        while news["state"] in states and time.monotonic() < until_s:
            news = self.ask("news", {"run": run, "seen": news["version"]})
        return news

    def reload(self, run: str) -> None:
        """Drops the connection, perhaps in the middle of an answer, and loads the page again."""
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
        news = self.follow(run, ("waiting", "running"))
        if news["state"] not in ("finished", "stopped"):
            self.tally.lost += 1
            return
        self.tally.finished += news["state"] == "finished"
        self.tally.stopped += news["state"] == "stopped"
        hu = self.slices(news)
        slices = self.chunks * 16
        self.tally.lost += news["state"] == "finished" and self.known and len(hu) != slices
        is_right = not (self.known and len(hu)) or np.array_equal(hu, chest(slices, seed, "I")[: len(hu)])
        self.tally.mixed += not (is_right and news["seed"] == seed)

    def slices(self, news: dict[str, Any]) -> np.ndarray:
        """Fetches what has been made so far: int16 HU (slices, rows, columns)."""
        made = []
        for chunk in news["chunks"]:
            data = self.http.get(f"{self.url}gradio_api/file={chunk['path']}").raise_for_status().content
            made.append(unpack(data, (chunk["slices"], *news["grid"]["shape"][1:])))
        return np.concatenate(made) if made else np.zeros((0, 0, 0), np.int16)

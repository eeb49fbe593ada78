"""The viewer's ES modules (`app/viewer`): read when the server starts, and served from memory."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "viewer"


@dataclass(frozen=True)
class Modules:
    """Scripts by their paths below the folder, such as `data/volume.js`.

    `version` is a hash of them all, and part of their addresses: they import each other by relative paths, so a
    browser that keeps them for ever never mixes two releases.
    """

    scripts: Mapping[str, bytes]
    version: str

    @property
    def main(self) -> str:
        """JavaScript that imports main.js from this server, under a URL prefix too."""
        return f"import(`${{window.gradio_config.root}}/viewer/{self.version}/main.js`)"

    def mount(self, *events: str) -> str:
        """A component's `js_on_load`: main.js fills the component's element.

        `events` of its own: Gradio knows an event of `gr.HTML` by its name in this script.
        """
        return f"{self.main}.then((main) => main.mount(element, props, trigger, watch, {json.dumps(events)}))"

    def call(self, name: str, given: Any = None) -> str:
        """An event's `js`: main.js calls the page's method of this name with the event's inputs and with `given`."""
        return f"async (...values) => (await {self.main}).call({json.dumps(name)}, values, {json.dumps(given)})"

    def links(self) -> str:
        """A page's `Link` header, relative to the page: the browser fetches all scripts at once.

        Without it, a script is asked for only when the one that imports it has come: five times there and back.
        """
        return ", ".join(f"<viewer/{self.version}/{path}>; rel=modulepreload" for path in self.scripts)

    def script(self, version: str, path: str) -> bytes | None:
        """The script at an address; None where there is none, or where it is another release's."""
        return self.scripts.get(path) if version == self.version else None


def read_modules(folder: Path = _FOLDER) -> Modules:
    """Reads every .js file of a folder and of those in it."""
    paths = sorted(folder.rglob("*.js"))
    scripts = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    contents = [(path, hashlib.sha256(script).hexdigest()) for path, script in scripts.items()]
    return Modules(scripts, hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16])

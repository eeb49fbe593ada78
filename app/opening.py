"""What the page asks for to open a scan, to go on from one, and to fill its fields from a settings file."""

import shutil
from typing import Any, cast, get_args

from app.handlers import FIELDS, LONGEST_VISITOR, REPORT_FIELDS, Handlers, Json, answering
from app.run import Run
from app.scan import Scan, SentFile
from app.scans import Scans
from app.uploads import Uploads
from ctflow.errors import RequestError
from ctflow.io.sidecar import changed_versions, parse_sidecar, request_of
from ctflow.request import ScanMode, check_scan_start

_LONGEST_KIND = 16
_LARGEST_FILE = 2**63  # of any disk; beyond the limit of a scan in any case
CONTINUED = "Continued from a scan"
_MODEL = "it was made by {there}, and here runs {here}: the volume will be another one"
_VERSIONS = "the bytes may differ, because it was made with {changed}"
_SCAN = "it began with a real scan: open that scan, and continue it with these fields"
_EARLIER = (
    "it was made in several parts, and these fields are of its last part: `generate --from` makes all of it again"
)
_STOPPED = "it was stopped early: this one goes on to its end"


class Opening:
    """One for each server, beside its handlers."""

    def __init__(self, handlers: Handlers, scans: Scans) -> None:
        self.scans = scans
        self.uploads = Uploads(handlers.runs, scans.limits.sent_bytes)
        self.handlers, self._generator = handlers, handlers.generator

    @answering
    def open(self, asked: Json) -> Json:
        """A scan whose bytes may be sent then. `asked`: `visitor`, `run`, an id that the page has made up, and `files`,
        size and kind of name of each (see `SentFile`)."""
        visitor = str(asked.get("visitor"))[:LONGEST_VISITOR]
        return {"run": self.scans.begin(visitor, asked.get("run"), _files(asked.get("files"))).id}

    @answering
    def receive(self, asked: Json) -> Json:
        """Takes the bytes `data` of the scan `run` that begin at `offset`; answers how many are there, `received`."""
        return {"received": self.scans.get(asked.get("run")).receive(asked["offset"], asked["data"])}

    @answering
    def upload(self, asked: Json) -> Json:
        """Keeps a `file` that a program sends, of a certain `name`; answers its `path`, for `open_upload`."""
        return {"path": str(self.uploads.take(asked["name"], asked["file"]))}

    def open_upload(self, visitor: str, file: Any) -> Scan:
        """A scan from a file that was kept, as Gradio tells of it. Raises CTFlowError for one that cannot be opened."""
        given = file.get("path") if isinstance(file, dict) else getattr(file, "path", None)
        path = self.uploads.give(str(given))
        try:
            scan = self.scans.begin(visitor, None, [SentFile(path.stat().st_size, path.name)])
            scan.adopt(path)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        return scan

    @answering
    def choose_series(self, asked: Json) -> Json:
        """Which of its series to open: `run` and `number`, counted from 0."""
        self.scans.get(asked.get("run")).choose(asked.get("number", -1))
        return {}

    @answering
    def start(self, asked: Json) -> Json:
        """As `Handlers.start`, and where `asked` names a `scan`, a run that goes on from it."""
        if asked.get("scan") is None:
            return self.handlers.start(asked)
        visitor = str(asked.get("visitor"))[:LONGEST_VISITOR]
        return {"run": self.continue_scan(visitor, asked.get("run"), asked).id}

    def continue_scan(self, visitor: str, run_id: Any, asked: Json) -> Run:
        """Puts a run in line that goes on from the scan `scan` by `mode`; of gt-head, `head` chunks of it stay.

        Raises CTFlowError for what cannot be continued.
        """
        scan, mode = self.scans.get(asked.get("scan")), cast(ScanMode, asked.get("mode"))
        if mode not in get_args(ScanMode):
            raise RequestError(f"The mode is one of {', '.join(get_args(ScanMode))}; got {mode!r}.")
        head = asked.get("head", 1)
        if type(head) is not int or not 1 <= head <= self._generator.card.geometry.max_chunks:
            raise RequestError(f"The chunks to keep are a whole number from 1 on; got {head!r}.")
        scan.mark_seen()
        request, slices = self.handlers.request(asked), self._generator.card.geometry.slices_per_chunk
        start = self.scans.start_of(scan, mode, head * slices if mode == "gt-head" else slices)
        check_scan_start(start, request, slices)
        return self.handlers.put_in_line(request, visitor, run_id, start, CONTINUED)

    @answering
    def settings(self, asked: Json) -> Json:
        """What a settings file, `text`, says for the page's fields; answers `fields` by name, and `notes` in words."""
        text = asked.get("text")
        sidecar = parse_sidecar(text if isinstance(text, str) else "", "The file")
        request, model = request_of(sidecar), self._generator.card
        model.check(request)
        notes = []
        if (sidecar.model.name, sidecar.model.sha256) != (model.name, self._generator.model_sha256):
            notes.append(_MODEL.format(there=sidecar.model.name, here=model.name))
        if changed := changed_versions(sidecar):
            notes.append(_VERSIONS.format(changed=changed))
        notes += [words for words, holds in ((_SCAN, sidecar.start), (_EARLIER, sidecar.earlier)) if holds]
        if not sidecar.complete:
            notes.append(_STOPPED)
        report = request.report
        fields = {
            "findings": report.findings,
            "impression": report.impression,
            "sex": report.sex or "",
            "age": "" if report.age is None else str(report.age),
            **{name: getattr(request, name) for name in FIELDS if name not in REPORT_FIELDS},
        }
        return {"fields": fields, "notes": notes}


def _files(told: Any) -> list[SentFile]:
    """Raises RequestError for what is no list of sizes and kinds."""
    files = told if isinstance(told, list) else []
    for file in files:
        match file:
            case [int(size), str(kind)] if 0 <= size < _LARGEST_FILE and len(kind) <= _LONGEST_KIND:
                continue
        raise RequestError("A file of a scan is its size in bytes and the kind of its name. Reload the page.")
    return [SentFile(size, kind) for size, kind in files]

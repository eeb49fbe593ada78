"""Asked, read, found, in words for a person."""

from collections.abc import Sequence
from typing import Any

from ctflow.analysis.findings import FindingRow, read_words, said_words, seen_words


def found_table(rows: Sequence[FindingRow], judges: Sequence[str], note: str, partial: str = "") -> dict[str, Any]:
    """The findings that the report or the model speaks of, and then those that only a judge sees.

    A judge that knows none of them has no column. `partial`: what has to be said of a volume that is not whole.
    """
    told = sorted((row for row in rows if row.is_spoken_of), key=lambda row: not (row.asked or row.read))
    heard = [name for name in judges if any(name in row.found for row in rows)]
    nobody = "" if heard else "This model has no image tower, so that nobody has looked into the volume."
    return {
        "columns": ["Finding", "Report says", "Model read", *(f"Seen by {name}" for name in heard)],
        "rows": [
            [row.finding, said_words(row), read_words(row)]
            + [seen_words(row.found[name]) if name in row.found else "–" for name in heard]
            for row in told
        ],
        "note": " ".join(filter(None, (partial, nobody, note[:1].upper() + note[1:]))),
    }

"""Tables of volumes in CSV, as CT-RATE has them: one row a volume, known by its name."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from ctflow.errors import RequestError
from ctflow.io.files import make_folder, write_atomic

NAME = "VolumeName"


def write_table(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Writes one row or more. Raises CTFlowError where that cannot be done."""
    make_folder(path.parent)
    first, *others = rows
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(first))
    table.writeheader()
    table.writerows([first, *others])
    write_atomic(path, text.getvalue().encode())


def read_table(path: Path, columns: Iterable[str]) -> list[dict[str, str]]:
    """The rows of a table, by its columns, each with a name of its own.

    Raises RequestError that names what is missing, twice there or out of place: no row is passed over.
    """
    head, *rows = _records(path)
    if missing := {NAME, *columns} - set(head):
        raise RequestError(
            f"{path} is not the table, as CT-RATE has it, that was expected: it lacks {', '.join(sorted(missing))}."
        )
    if twice := [column for column, count in Counter(head).items() if count > 1]:
        raise RequestError(f"{path} has two columns {twice[0]!r}. Keep one of them.")
    if not rows:
        raise RequestError(f"{path} names no volume: there is nothing below its first line.")
    for number, row in enumerate(rows, 2):
        if len(row) != len(head):
            raise RequestError(
                f"{path} has {len(row)} columns in its row {number}, and {len(head)} in the first. Is a quote missing?"
            )
    found = [dict(zip(head, row, strict=True)) for row in rows]
    _check_names((row[NAME] for row in found), path)
    return found


def _records(path: Path) -> list[list[str]]:
    """The records but for empty lines; the first holds the columns."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # with the mark that Excel puts first, or without it
            return [record for record in csv.reader(file, strict=True) if record] or [[]]
    except OSError as error:
        raise RequestError(f"{path} cannot be read ({error.strerror}): a table in CSV was expected.") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is not UTF-8 ({error.reason}, at byte {error.start}). Save it so.") from error
    except csv.Error as error:
        raise RequestError(f"{path} is no table in CSV ({error}). Is a quote left open?") from error


def _check_names(names: Iterable[str], path: Path) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names, 2):  # the first row holds the columns
        if not name:
            raise RequestError(f"{path} has no name in its row {number}. Mend or remove the row.")
        if name in seen:
            raise RequestError(f"{path} names {name} twice. Keep one of the rows.")
        seen.add(name)

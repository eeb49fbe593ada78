"""What the page is told of a question: how far it is, in words, and its rows, in words for a radiologist."""

from collections.abc import Callable
from typing import Any

from app.present import count, duration, roughly
from app.question import Chance, Question, Row, SeedQuestion, SentenceQuestion
from app.run import Run

IsKept = Callable[[Run], bool]
CLEARLY = 2.0  # times what chance changes


def manifest(question: Question, ahead: int, wait_s: float | None, is_kept: IsKept) -> dict[str, Any]:
    """A question as the page needs it (viewer/data/question.js, `Asked`).

    `ahead`, `wait_s`: as of a run; `is_kept`: whether the server still has a volume.
    """
    with question.news:
        return {
            "question": question.id,
            "kind": question.kind,
            "version": question.version,
            "state": question.state,
            "stopping": question.stopping and not question.ended,
            "seed": question.request.seed,
            "share": 1.0 if question.state == "finished" else question.steps_done / question.steps_total,
            "status": _status(question, ahead, wait_s),
            "detail": _detail(question),
            **_results(question, is_kept),
        }


def unknown_question() -> dict[str, Any]:
    """For a page that comes back too late, or to a server that was restarted."""
    status = "This answer is no longer on the server. Ask again: the same seed gives the same."
    return {"question": None, "version": 0, "state": "gone", "stopping": False, "share": 0.0, "status": status}


def _status(question: Question, ahead: int, wait_s: float | None) -> str:
    if question.state == "waiting":
        about = "" if wait_s is None else f", about {roughly(wait_s)}"
        waits = f"Waiting for the model: {count(ahead, 'run')} ahead of yours{about}." if ahead else "Starting."
        return question.message or waits
    if question.state == "running":
        return "Stopping after this step." if question.stopping else f"Making {_volume(question)}."
    if question.state == "finished":
        return f"Done: {count(question.volumes_total, 'volume')} in {duration(question.elapsed_s())}."
    return f"{question.message or 'Stopped.'} {_done(question)}"


def _done(question: Question) -> str:
    """What there is of an answer."""
    match question:
        case SentenceQuestion():
            return f"{len(question.rows)} of {question.sentences} sentences done, which stay."
        case SeedQuestion():
            return f"{len(question.volumes)} of {question.volumes_total} volumes done, which stay."
    raise AssertionError(question.kind)


def _volume(question: Question) -> str:
    """For example "volume 5 of 7 (sentence 1 of 3)"."""
    number = min(len(question.runs) + _made_by_chance(question) + 1, question.volumes_total)
    return f"volume {number} of {question.volumes_total}" + (f" ({question.doing})" if question.doing else "")


def _made_by_chance(question: Question) -> int:
    """Volumes of other seeds, which are compared and not kept."""
    if not isinstance(question, SentenceQuestion):
        return 0
    if question.chance:
        return question.seeds
    steps = question.request.chunks * question.request.steps
    return max(0, (question.steps_done - 1) // steps - 1) if question.whole else 0


def _detail(question: Question) -> str:
    left_s = question.left_s() if question.state == "running" else None
    return "" if left_s is None else f"about {duration(left_s)} left"


def _results(question: Question, is_kept: IsKept) -> dict[str, Any]:
    match question:
        case SentenceQuestion():
            return {
                "whole": _run(question.whole, is_kept),
                "chance": _chance(question.chance, question.seeds) if question.chance else None,
                "rows": [_row(row, question.chance, is_kept) for row in question.rows],
            }
        case SeedQuestion():
            return {
                "volumes": [_run(run, is_kept) for run in question.volumes],
                "spread": {name: _run(run, is_kept) for name, run in question.spread.items()},
            }
    raise AssertionError(question.kind)


def _run(run: Run | None, is_kept: IsKept) -> dict[str, Any] | None:
    return None if run is None else {"run": run.id, "title": run.title, "is_kept": is_kept(run)}


def _chance(chance: Chance, seeds: int) -> dict[str, Any]:
    other = "another seed" if seeds == 1 else f"mean of {seeds} other seeds"
    return {
        "ml": round(chance.changed_ml),
        "words": f"Chance alone changes {_ml(chance.changed_ml)} ({other}), {chance.mean_hu:.0f} HU on average. "
        "What stands below this line is no more than that.",
    }


def _row(row: Row, chance: Chance | None, is_kept: IsKept) -> dict[str, Any]:
    floor_ml = chance.changed_ml if chance else 0.0
    return {
        "number": row.number,
        "sentence": row.sentence,
        "ml": round(row.changed_ml),
        "stands_out": row.changed_ml > floor_ml,
        "verdict": _verdict(row.changed_ml, floor_ml),
        "changed": _changed(row, chance),
        "where": _where(row),
        **(_run(row.run, is_kept) or {}),
    }


def _verdict(changed_ml: float, floor_ml: float) -> str:
    if changed_ml <= floor_ml:
        return "No more than chance"
    return "Clear effect" if changed_ml > CLEARLY * floor_ml else "Little more than chance"


def _changed(row: Row, chance: Chance | None) -> str:
    """For example "906 ml changed, by chance 352 ml"."""
    return f"{_ml(row.changed_ml)} changed" + (f", by chance {_ml(chance.changed_ml)}" if chance else "")


def _where(row: Row) -> str:
    """For example "150 HU on average in the place it names (right), 24 HU elsewhere"."""
    if row.inside_hu is None or row.outside_hu is None:
        return f"{row.mean_hu:.0f} HU on average; it names no place that the model reads"
    place = ", ".join(map(str, row.places))
    return f"{row.inside_hu:.0f} HU on average in the place it names ({place}), {row.outside_hu:.0f} HU elsewhere"


def _ml(ml: float) -> str:
    return f"{ml:,.0f} ml"

"""What the metrics must tell apart, whatever the model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ctflow.evaluation.metrics.beginnings import FULL_BODY
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.results import Result
from ctflow.reproduction.controls import NOISY, REPEATED, SHUFFLED

LAST, EARLY, OTHERS = "last model", "early model", "other phantoms"
FID, RECALL, CLIP = "FID, slices", "recall", "CLIP score, text-image"
SWAPPED = f"{CLIP}, with another case's report"


@dataclass(frozen=True)
class Order:
    """Of two figures, each by the title of its result and its name, the second is the worse one."""

    better: tuple[str, str]
    worse: tuple[str, str]


ORDERS = (
    Order((LAST, FID), (EARLY, FID)),
    Order((LAST, CLIP), (LAST, SWAPPED)),
    Order((OTHERS, CLIP), (SHUFFLED, CLIP)),
    Order((OTHERS, RECALL), (REPEATED, RECALL)),
    Order((OTHERS, FID), (NOISY, FID)),
)


def orders_in_words(results: Sequence[Result], orders: Sequence[Order] = ORDERS) -> Iterator[str]:
    """For each order, a line of Markdown: the two figures, and whether they lie as they must.

    Of the last model's results, that of volumes made from the report alone counts.
    """
    judged = [result for result in results if result.title != LAST or result.mode == FULL_BODY]
    figures = {(result.title, figure.name): figure for result in judged for figure in result.figures}
    for order in orders:
        yield f"- {_in_words(order, figures.get(order.better), figures.get(order.worse))}"


def _in_words(order: Order, better: Figure | None, worse: Figure | None) -> str:
    if better is None or worse is None:
        return f"{_named(order.better)} and {_named(order.worse)}: not measured."
    right = worse.value > better.value if better.better == "lower" else worse.value < better.value
    verdict = "as it must be" if right else "NOT as it must be: give it more minutes"
    values = f"{_named(order.better)} {better.value:.4g}, {_named(order.worse)} {worse.value:.4g}"
    return f"{values}: {verdict}."


def _named(figure: tuple[str, str]) -> str:
    title, name = figure
    return f"{name} of “{title}”"

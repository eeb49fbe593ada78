"""What the metrics must tell apart, whatever the model: of each pair of results, which is the worse by which metric."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctflow.evaluation.metrics.beginnings import FULL_BODY
from ctflow.evaluation.metrics.figure import Figure
from ctflow.evaluation.metrics.results import Result
from ctflow.reproduction.controls import NOISY, REPEATED, SHUFFLED

LAST, EARLY = "last model", "early model"


@dataclass(frozen=True)
class Order:
    """By `metric`, the result titled `worse` is worse than that of the last model from the report alone."""

    metric: str
    worse: str


ORDERS = (
    Order("FID, slices", EARLY),
    Order("CLIP score, text-image", SHUFFLED),
    Order("recall", REPEATED),
    Order("FID, slices", NOISY),
)


def orders_in_words(results: Sequence[Result], orders: Sequence[Order] = ORDERS) -> Iterator[str]:
    """For each order, a line of Markdown: the two figures, and whether they lie as they must."""
    judged = [result for result in results if result.title != LAST or result.mode == FULL_BODY]
    by_title = {result.title: {figure.name: figure for figure in result.figures} for result in judged}
    for order in orders:
        yield f"- {_in_words(order, by_title)}"


def _in_words(order: Order, by_title: Mapping[str, Mapping[str, Figure]]) -> str:
    better, worse = (by_title[title].get(order.metric) for title in (LAST, order.worse))
    if better is None or worse is None:
        return f"{order.metric}, {order.worse}: not measured."
    falls = better.better == "lower"
    right = worse.value > better.value if falls else worse.value < better.value
    verdict = "as it must be" if right else "NOT as it must be: more volumes or a longer training may be needed"
    sign = ">" if worse.value > better.value else "≤"
    return f"{order.metric}: {order.worse} {worse.value:.4g} {sign} {better.value:.4g} {LAST}, {verdict}."

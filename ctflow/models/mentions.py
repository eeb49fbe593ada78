"""Answers at slots become mentions, as people say them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ctflow.reading import ASSERTED, NOT_MENTIONED, Mention

Slot = tuple[str, str | None, str | None]  # a finding, a side and a lobe
SideAndLobe = tuple[str | None, str | None]
NO_PLACE: SideAndLobe = (None, None)


def mentions_of(
    slots: Sequence[Slot], size_words: Sequence[str], answers: Iterable[int], sizes: Iterable[int]
) -> tuple[Mention, ...]:
    """The mentions in one sentence, by finding. `sizes`: an index of `size_words` at each slot, -1 for none."""
    places: dict[tuple[str, bool, str | None], list[SideAndLobe]] = defaultdict(list)
    for (finding, side, lobe), answer, size in zip(slots, answers, sizes, strict=True):
        if answer != NOT_MENTIONED:
            word = size_words[size] if answer == ASSERTED and size >= 0 else None
            places[finding, answer == ASSERTED, word].append((side, lobe))
    return tuple(
        Mention(finding, asserted, *site, size)
        for (finding, asserted, size), sites in places.items()
        for site in _joined(sites, [slot[1:] for slot in slots if slot[0] == finding], asserted)
    )


def _joined(sites: list[SideAndLobe], every: list[SideAndLobe], asserted: bool) -> list[SideAndLobe]:
    """All lobes of a side become that side. All sites become both sides, or none if denied or the only one.

    That a finding is somewhere says nothing beside a place.
    """
    if len(every) > 1:
        every = [site for site in every if site != NO_PLACE]
        sites = [site for site in sites if site != NO_PLACE] or [NO_PLACE]
    if sites == every:
        return [("both" if asserted and len(every) > 1 else None, None)]
    whole = {side for side, _ in every if set(_of(side, every)) <= set(sites)}
    return list(dict.fromkeys((side, None if side in whole else lobe) for side, lobe in sites))


def _of(side: str | None, sites: Iterable[SideAndLobe]) -> list[SideAndLobe]:
    return [site for site in sites if site[0] == side]

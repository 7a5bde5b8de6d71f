"""The traffic split and the pace, as rules of numbers alone."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.domain.config import Route
from mockserver.domain.traffic import Pace, attempts, entity_of, falls_back


@st.composite
def routes(draw: st.DrawFn) -> list[Route]:
    """Up to six shares that sum to 100."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), max_size=5)))
    bounds = [0, *cuts, 100]
    return [Route(f"m{place}", high - low) for place, (low, high) in enumerate(pairwise(bounds))]


@settings(deadline=None)
@given(routes(), st.integers(0, 10_000), st.integers(0, 99))
def test_any_hundred_requests_in_a_row_are_split_exactly(shares: list[Route], start: int, offset: int) -> None:
    served = Counter(entity_of(shares, number, offset) for number in range(start, start + 100))
    assert served == {share.entity: share.percentage for share in shares if share.percentage}


@settings(deadline=None)
@given(routes(), st.integers(0, 99))
def test_every_beginning_is_close_to_its_share(shares: list[Route], offset: int) -> None:
    for share in shares:
        hits = accumulate(entity_of(shares, number, offset) == share.entity for number in range(100))
        for count, hit in enumerate(hits, 1):
            assert abs(hit - count * share.percentage / 100) < 4


def test_fallback_tries_the_others_in_the_order_of_their_list() -> None:
    assert attempts("b", ["a", "b", "c"]) == ["b", "a", "c"]


def test_only_overload_and_failure_fall_back() -> None:
    assert [status for status in (200, 400, 404, 429, 499, 500, 503) if falls_back(status)] == [429, 500, 503]


def test_what_a_pace_leaves_open_is_as_usual() -> None:
    usual = Pace(1.0, 0.1, 5.0)
    assert Pace(time_per_token=0.0).over(usual) == Pace(1.0, 0.0, 5.0)
    assert Pace().over(usual) == usual

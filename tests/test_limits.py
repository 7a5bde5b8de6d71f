"""Who is let in by rate limits, and when those who are not can try again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.auth import Identity
from mockserver.errors import RequestLimitExceeded
from mockserver.limits import OVERTAKEN, WINDOW, Limiter, requirements

PLACE = ("default", "id")
ALICE = Identity("alice@example.com", "Alice", admin=False, groups=("data", "web"))
BOB = Identity("bob@example.com", "Bob", admin=False)
ROBOT = Identity("4711", "Robot", "ServicePrincipal", admin=False)


def admitted(
    limiter: Limiter, limits: Sequence[Mapping[str, object]], identity: Identity, now: int, tokens: int = 0
) -> bool:
    """Whether one call is let in at ``now``; if so its tokens are charged."""
    required = requirements(limits, identity)
    try:
        limiter.admit(PLACE, "chat", required, now)
    except RequestLimitExceeded:
        return False
    limiter.charge(PLACE, required, tokens, now)
    return True


def refusal(
    limiter: Limiter, limits: Sequence[Mapping[str, object]], identity: Identity, now: int
) -> RequestLimitExceeded:
    with pytest.raises(RequestLimitExceeded) as refused:
        limiter.admit(PLACE, "chat", requirements(limits, identity), now)
    return refused.value


def test_no_limit_lets_everybody_in() -> None:
    assert requirements([], ALICE) == ()
    assert all(admitted(Limiter(), [], ALICE, 0) for _ in range(100))


def test_the_limit_of_an_endpoint_is_shared_by_all_callers() -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "calls": 2}]
    assert admitted(limiter, limits, ALICE, 0)
    assert admitted(limiter, limits, BOB, 0)
    assert not admitted(limiter, limits, ROBOT, 0)


def test_a_limit_without_a_key_is_the_endpoints() -> None:
    limiter, limits = Limiter(), [{"calls": 1}]
    assert admitted(limiter, limits, ALICE, 0)
    assert not admitted(limiter, limits, BOB, 0)


def test_the_limit_per_user_counts_each_caller_alone() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 1}]
    assert admitted(limiter, limits, ALICE, 0)
    assert not admitted(limiter, limits, ALICE, 0)
    assert admitted(limiter, limits, BOB, 0)
    assert admitted(limiter, limits, ROBOT, 0)


def test_a_limit_for_one_user_overrides_the_one_for_every_user() -> None:
    limits = [{"key": "user", "calls": 1}, {"key": "user", "principal": "alice@example.com", "calls": 3}]
    limiter = Limiter()
    assert [admitted(limiter, limits, ALICE, 0) for _ in range(4)] == [True, True, True, False]
    assert [admitted(limiter, limits, BOB, 0) for _ in range(2)] == [True, False]


def test_a_limit_for_a_service_principal_goes_by_its_application_id() -> None:
    limits = [{"key": "service_principal", "principal": "4711", "calls": 1}]
    limiter = Limiter()
    assert [admitted(limiter, limits, ROBOT, 0) for _ in range(2)] == [True, False]
    assert admitted(limiter, limits, ALICE, 0)


def test_the_limit_of_a_group_is_shared_by_its_members() -> None:
    limits = [{"key": "user_group", "principal": "data", "calls": 2}]
    other = Identity("carol@example.com", "Carol", admin=False, groups=("data",))
    limiter = Limiter()
    assert admitted(limiter, limits, ALICE, 0)
    assert admitted(limiter, limits, other, 0)
    assert not admitted(limiter, limits, ALICE, 0)
    assert admitted(limiter, limits, BOB, 0)


def test_a_member_of_two_groups_is_refused_only_when_both_limits_are_used_up() -> None:
    limits = [
        {"key": "user_group", "principal": "data", "calls": 1},
        {"key": "user_group", "principal": "web", "calls": 3},
    ]
    limiter = Limiter()
    assert [admitted(limiter, limits, ALICE, 0) for _ in range(4)] == [True, True, True, False]


def test_a_limit_for_the_user_comes_before_the_limits_of_its_groups() -> None:
    limits = [
        {"key": "user_group", "principal": "data", "calls": 9},
        {"key": "user", "principal": "alice@example.com", "calls": 1},
    ]
    limiter = Limiter()
    assert [admitted(limiter, limits, ALICE, 0) for _ in range(2)] == [True, False]


def test_the_stricter_of_two_limits_wins() -> None:
    limits = [{"key": "endpoint", "calls": 5}, {"key": "user", "calls": 2}, {"key": "endpoint", "calls": 1}]
    limiter = Limiter()
    assert [admitted(limiter, limits, ALICE, 0) for _ in range(2)] == [True, False]


def test_tokens_are_counted_after_the_answer_and_stop_the_next_call() -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "tokens": 100}]
    assert admitted(limiter, limits, ALICE, 0, tokens=60)
    assert admitted(limiter, limits, ALICE, 1, tokens=60)
    assert not admitted(limiter, limits, ALICE, 2)
    assert admitted(limiter, limits, ALICE, WINDOW, tokens=60)


def test_the_window_rolls_with_the_clock_it_is_given() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 2}]
    assert admitted(limiter, limits, ALICE, 0)
    assert admitted(limiter, limits, ALICE, 30_000)
    assert not admitted(limiter, limits, ALICE, 59_999)
    assert admitted(limiter, limits, ALICE, 60_000)
    assert not admitted(limiter, limits, ALICE, 60_001)
    assert admitted(limiter, limits, ALICE, 90_000)


def test_the_refusal_names_the_limit_and_says_honestly_when_to_come_back() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 1}]
    assert admitted(limiter, limits, ALICE, 500)
    refused = refusal(limiter, limits, ALICE, 10_000)
    assert refused.status == 429
    assert refused.body("x") == {
        "error_code": "REQUEST_LIMIT_EXCEEDED",
        "message": (
            "User defined rate limit(s) exceeded for 'chat'. Requests-per-minute (RPM) rate limit exceeded for user"
        ),
    }
    assert refused.headers == {
        "Retry-After": "51",
        "X-Ratelimit-Limit-Requests": "1",
        "X-Ratelimit-Remaining-Requests": "0",
        "X-Ratelimit-Reset-Requests": "51",
    }
    assert not admitted(limiter, limits, ALICE, 60_000)
    assert admitted(limiter, limits, ALICE, 10_000 + 51_000)


def test_a_limit_of_zero_lets_nobody_in() -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "calls": 0}]
    for now in (0, WINDOW, 10 * WINDOW):
        assert refusal(limiter, limits, ALICE, now).headers["Retry-After"] == "60"


def test_what_was_refused_does_not_count() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 1}]
    assert admitted(limiter, limits, ALICE, 0)
    assert not any(admitted(limiter, limits, ALICE, now) for now in range(1, 60_000, 10_000))
    assert admitted(limiter, limits, ALICE, 60_000)


def test_a_clock_that_was_set_back_does_not_lock_anybody_out() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 1}]
    assert admitted(limiter, limits, ALICE, 10 * WINDOW)
    assert admitted(limiter, limits, ALICE, 0)


def test_requests_that_overtake_one_another_are_all_counted() -> None:
    limiter, limits = Limiter(), [{"key": "user", "calls": 2}]
    assert admitted(limiter, limits, ALICE, 1005)
    assert admitted(limiter, limits, ALICE, 1000)
    assert not admitted(limiter, limits, ALICE, 1003)


def test_clearing_a_workspace_forgets_its_counts_only() -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "calls": 1}]
    assert admitted(limiter, limits, ALICE, 0)
    limiter.clear("another")
    assert not admitted(limiter, limits, ALICE, 0)
    limiter.clear("default")
    assert admitted(limiter, limits, ALICE, 0)


@settings(deadline=None)
@given(
    allowed=st.integers(1, 8),
    gaps=st.lists(st.integers(0, 20_000), max_size=60),
)
def test_no_minute_ever_has_more_calls_than_allowed_and_waiting_as_told_is_enough(
    allowed: int, gaps: list[int]
) -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "calls": allowed}]
    required = requirements(limits, ALICE)
    moments: list[int] = []
    now = 0
    for gap in gaps:
        now += gap
        try:
            limiter.admit(PLACE, "chat", required, now)
        except RequestLimitExceeded as refused:
            wait = int(refused.headers["Retry-After"])
            assert 1 <= wait <= 60
            now += wait * 1000
            limiter.admit(PLACE, "chat", required, now)
        moments.append(now)
        assert sum(moment > now - WINDOW for moment in moments) <= allowed


def test_calls_of_a_future_that_has_not_happened_do_not_count_when_the_clock_was_set_back() -> None:
    limiter, limits = Limiter(), [{"key": "endpoint", "calls": 2, "tokens": 100}]
    assert admitted(limiter, limits, ALICE, 100_000, tokens=40)
    assert admitted(limiter, limits, ALICE, 150_000, tokens=40)
    assert admitted(limiter, limits, ALICE, 110_000, tokens=40)
    assert not admitted(limiter, limits, ALICE, 110_001)
    for moment in range(109_000, 10_000, -4_000):  # by less each time than a request may be overtaken
        assert refusal(limiter, limits, ALICE, 110_001)
        limiter.charge(PLACE, requirements(limits, ALICE), 1, moment)
    assert admitted(limiter, limits, ALICE, 20_000)


@given(st.lists(st.tuples(st.integers(0, 40_000), st.booleans()), max_size=60))
@settings(max_examples=200, deadline=None)
def test_the_window_counts_what_lies_in_it_in_whatever_order_it_came(steps: list[tuple[int, bool]]) -> None:
    limiter, limits, counted = Limiter(), [{"key": "endpoint", "calls": 10}], list[int]()
    for moment, back in steps:
        now = moment if back else max([*counted, moment])
        counted = [known for known in counted if now - WINDOW < known <= now + OVERTAKEN]
        assert admitted(limiter, limits, ALICE, now) == (len(counted) < 10)
        counted += [now] if len(counted) < 10 else []

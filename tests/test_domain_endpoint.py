"""The life of an endpoint: its laws hold for any sequence of events."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mockserver.domain import config as configs
from mockserver.domain import views
from mockserver.domain.config import Config
from mockserver.domain.endpoint import ABORTED_MESSAGE, REMEMBERED, UPDATING, Ended, Endpoint, Outcome, Plan
from mockserver.domain.refusals import Refusal

START = 1_700_000_000_000


def endpoint(**change: object) -> Endpoint:
    given: dict[str, object] = {
        "name": "e", "id": "0" * 32, "creator": "u", "creator_display_name": "U", "creator_kind": "User",
        "created_at": START, "updated_at": START,
    }  # fmt: skip
    return Endpoint(**{**given, **change})  # type: ignore[arg-type]  # built from a dictionary on purpose


def config(version: int, model_version: str = "1") -> Config:
    body = {
        "served_entities": [
            {"entity_name": "a.b.model", "entity_version": model_version, "scale_to_zero_enabled": True}
        ]
    }
    return configs.build(body, version=version, creator="u", now=START, previous=None, many_external=False)


class EndpointLife(RuleBasedStateMachine):
    """Any sequence of updates, cancellations, stops, starts and time passing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.endpoint = endpoint()
        self.accepted = 0
        self.served: Config | None = None

    @rule(seconds=st.integers(0, 10))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000

    @rule(
        seconds=st.integers(0, 6),
        outcome=st.sampled_from(["READY", "READY", "FAILED", "ABORTED"]),
        model_version=st.sampled_from("123"),
    )
    def update(self, seconds: int, outcome: Outcome, model_version: str) -> None:
        before = self.endpoint
        was_updating = before.is_updating(self.now)
        new = config(before.versions + 1, model_version)
        plan = Plan(seconds * 1000, outcome)
        if was_updating:
            with pytest.raises(Refusal, match=UPDATING) as caught:
                before.update(new, plan, self.now)
            assert (caught.value.status, caught.value.code) == (409, "RESOURCE_CONFLICT")
            return
        self.endpoint = before.update(new, plan, self.now)
        self.accepted += 1
        assert self.endpoint.updated_at == self.now

    @precondition(lambda self: self.endpoint.is_updating(self.now))
    @rule()
    def cancel(self) -> None:
        serving = self.endpoint.at(self.now).config
        self.endpoint = self.endpoint.cancel(self.now)
        assert self.endpoint.config_update(self.now) == "UPDATE_CANCELED"
        assert self.endpoint.at(self.now + 10**9).config == serving

    @rule()
    def stop(self) -> None:
        if self.endpoint.is_updating(self.now) or self.endpoint.at(self.now).config is None:
            with pytest.raises(Refusal):
                self.endpoint.stop(self.now)
            return
        self.endpoint = self.endpoint.stop(self.now)
        assert self.endpoint.is_suspended(self.now)
        assert not self.endpoint.is_ready(self.now)

    @rule(seconds=st.integers(0, 4))
    def start(self, seconds: int) -> None:
        if not self.endpoint.is_suspended(self.now):
            with pytest.raises(Refusal):
                self.endpoint.start(Plan(0), self.now)
            return
        self.endpoint = self.endpoint.start(Plan(seconds * 1000), self.now)
        self.accepted += 1

    @invariant()
    def every_accepted_deployment_is_one_version(self) -> None:
        assert self.endpoint.versions == self.accepted

    @invariant()
    def reading_changes_nothing_and_time_settles_every_update(self) -> None:
        assert self.endpoint.at(self.now).at(self.now) == self.endpoint.at(self.now)
        assert not self.endpoint.is_updating(self.now + 10_000)

    @invariant()
    def the_view_agrees_with_the_state(self) -> None:
        view = views.detailed(self.endpoint, self.now, "CAN_MANAGE", budget_policy_id="p")
        state = view["state"]
        assert (state["config_update"] in ("IN_PROGRESS", "UPDATE_FAILED")) == ("pending_config" in view)
        if state["ready"] == "READY":
            assert "config" in view
            entity_states = {entity["state"]["deployment"] for entity in view["config"]["served_entities"]}
            assert entity_states == {"DEPLOYMENT_READY"}
        if "config" in view and "pending_config" in view:
            assert view["pending_config"]["config_version"] > view["config"]["config_version"]
        for shown in (view.get("config"), view.get("pending_config")):
            if shown is not None:
                assert sum(route["traffic_percentage"] for route in shown["traffic_config"]["routes"]) == 100
                assert len(shown["served_entities"]) == len(shown["served_models"])


TestEndpointLife = EndpointLife.TestCase


def test_the_old_configuration_serves_until_the_new_one_is_ready() -> None:
    ready = endpoint().update(config(1), Plan(0), START)
    updating = ready.update(config(2), Plan(3000), START + 1000)
    for moment in (START + 1000, START + 3999):
        assert updating.is_ready(moment)
        assert updating.config_update(moment) == "IN_PROGRESS"
        assert updating.at(moment).config == config(1)
    assert updating.at(START + 4000).config == config(2)
    assert updating.config_update(START + 4000) == "NOT_UPDATING"


def test_a_failed_first_deployment_leaves_nothing_that_serves_and_says_why() -> None:
    failed = endpoint().update(config(1), Plan(1000, "ABORTED"), START)
    view = views.detailed(failed, START + 1000, "CAN_MANAGE", budget_policy_id="p")
    assert view["state"]["ready"] == "NOT_READY"
    assert view["state"]["config_update"] == "UPDATE_FAILED"
    assert "config" not in view
    assert view["pending_config"]["served_entities"][0]["state"] == {
        "deployment": "DEPLOYMENT_ABORTED",
        "deployment_state_message": ABORTED_MESSAGE,
    }


def test_a_failed_update_leaves_the_old_configuration_serving() -> None:
    ready = endpoint().update(config(1), Plan(0), START)
    failed = ready.update(config(2), Plan(1000, "FAILED", "out of memory"), START)
    view = views.detailed(failed, START + 1000, "CAN_MANAGE", budget_policy_id="p")
    assert (view["state"]["ready"], view["state"]["config_update"]) == ("READY", "UPDATE_FAILED")
    assert view["config"]["config_version"] == 1
    message = view["pending_config"]["served_entities"][0]["state"]["deployment_state_message"]
    assert message == "out of memory"


def test_nothing_to_cancel_is_refused() -> None:
    with pytest.raises(Refusal, match="no update in progress"):
        endpoint().cancel(START)


def test_how_every_deployment_ended_is_remembered() -> None:
    first = endpoint().update(config(1), Plan(1000), START)
    assert first.history(START + 999) == ()
    failing = first.update(config(2), Plan(1000, "FAILED", "No such model."), START + 5000)
    cancelled = failing.update(config(3), Plan(1000), START + 9000).cancel(START + 9500)
    stopped = cancelled.update(config(4), Plan(1000), START + 10_000).stop(START + 20_000)
    started = stopped.start(Plan(1000), START + 30_000)
    assert started.history(START + 30_500) == stopped.history(START + 99_000)
    assert started.history(START + 31_000) == (
        Ended(1, START + 1000, "READY"),
        Ended(2, START + 6000, "FAILED", "No such model."),
        Ended(3, START + 9500, "CANCELED"),
        Ended(4, START + 11_000, "READY"),
        Ended(5, START + 31_000, "READY"),
    )


def test_the_earliest_deployments_are_forgotten_first() -> None:
    busy = endpoint()
    for version in range(1, 100):
        busy = busy.update(config(version), Plan(0), START + version)
    assert [ended.version for ended in busy.history(START + 100)] == list(range(100 - REMEMBERED, 100))


def test_a_tag_added_and_deleted_at_once_is_gone() -> None:
    old, other, new = {"key": "a", "value": "1"}, {"key": "b", "value": "2"}, {"key": "a", "value": "3"}
    tagged = endpoint(tags=(old,)).tag((other, new), ("b",), START + 1)
    assert tagged.tags == (new,)


def test_more_than_twenty_tags_are_refused() -> None:
    full = endpoint(tags=tuple({"key": f"k{number}"} for number in range(20)))
    with pytest.raises(Refusal, match="at most 20 tags; this would make 21"):
        full.tag(({"key": "one-more"},), (), START)

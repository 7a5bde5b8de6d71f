"""Settings that have no place in the form of the endpoint: telemetry, the older rate limits; and what is remembered."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from mockserver import Mock, Settings
from mockserver.app import create_app
from mockserver.clock import AdjustableClock
from mockserver.domain.endpoint import Endpoint

SAME = {"Origin": "http://localhost"}
HOSTED = "databricks-bge-large-en"
CUSTOM = {"entity_name": "main.default.ads", "entity_version": "1", "scale_to_zero_enabled": True}
Call = Callable[..., Any]


@pytest.fixture
def mock() -> Mock:
    """A mock on a clock that only the test moves."""
    clock = AdjustableClock()
    clock.freeze()
    return Mock(Settings(provisioning=1), clock=clock)


@pytest.fixture
def served(mock: Mock) -> FlaskClient:
    """The pages of a mock with an endpoint of a custom model."""
    client = create_app(mock).test_client()
    body = {"name": "ads", "config": {"served_entities": [CUSTOM]}}
    assert api(client, "POST", "", body)["name"] == "ads"
    mock.clock.advance(2)
    return client


def api(client: FlaskClient, method: str, path: str, body: Any = None) -> Any:
    """What the API answers."""
    answer = client.open(
        f"/api/2.0/serving-endpoints{path}", method=method, json=body, headers={"Authorization": "Bearer dapi-mock"}
    )
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def sent(client: FlaskClient, part: str, name: str = "ads", **form: str) -> tuple[int, str]:
    """The status and the text of the answer to one of the forms."""
    data = {"?part": part, "?name": name, **form}
    answer = client.post(f"/ml/endpoints/{name}/{part}", data=data, headers=SAME)
    return answer.status_code, html.unescape(answer.text)


def test_telemetry_is_set_shown_and_switched_off(served: FlaskClient) -> None:
    assert "Logs, metrics and traces go nowhere." in served.get("/ml/endpoints/ads").text
    form = {
        "telemetry_config.table_names.logs_table": "main.default.logs",
        "telemetry_config.inference_table_config.sampling_fraction": "0.25",
        "telemetry_config.enabled_telemetry_features?TELEMETRY_FEATURE_LOGS": "on",
        "telemetry_config.enabled_telemetry_features?TELEMETRY_FEATURE_TRACES": "on",
    }
    assert sent(served, "telemetry", **form)[0] == 303
    telemetry = api(served, "GET", "/ads")["telemetry_config"]
    assert telemetry["inference_table_config"]["sampling_fraction"] == 0.25
    assert telemetry["enabled_telemetry_features"] == ["TELEMETRY_FEATURE_LOGS", "TELEMETRY_FEATURE_TRACES"]
    assert telemetry["telemetry_profile_id"] in served.get("/ml/endpoints/ads").text
    again = served.get("/ml/endpoints/ads/telemetry").text
    assert 'value="0.25"' in again
    assert again.count(" checked>") == 2
    assert sent(served, "telemetry")[0] == 303
    assert "telemetry_config" not in api(served, "GET", "/ads")


def test_bad_telemetry_is_refused_at_its_field_and_nothing_is_lost(served: FlaskClient) -> None:
    form = {
        "telemetry_config.table_names.logs_table": "nowhere",
        "telemetry_config.inference_table_config.sampling_fraction": "1.5",
        "telemetry_config.enabled_telemetry_features?TELEMETRY_FEATURE_LOGS": "on",
    }
    status, text = sent(served, "telemetry", **form)
    assert status == 200
    for field in ("table_names-logs_table", "inference_table_config-sampling_fraction"):
        help_text = text.split(f'id="telemetry_config-{field}-help">')[1].split("</p>")[0]
        assert 'class="error"' in help_text, field
    assert 'value="nowhere"' in text
    assert 'value="1.5"' in text
    assert text.count(" checked>") == 1
    assert "telemetry_config" not in api(served, "GET", "/ads")


def test_telemetry_is_offered_for_custom_models_only(served: FlaskClient) -> None:
    assert "/ml/endpoints/ads/telemetry" in served.get("/ml/endpoints/ads").text
    assert "/telemetry" not in served.get(f"/ml/endpoints/{HOSTED}").text


@pytest.mark.parametrize("name", ["ads", HOSTED])
def test_the_older_rate_limits_are_set_shown_and_removed(served: FlaskClient, name: str) -> None:
    assert f"/ml/endpoints/{name}/rate-limits" in served.get(f"/ml/endpoints/{name}").text
    form = {
        "rate_limits[0].key": "user",
        "rate_limits[0].calls": "0",
        "rate_limits[0].renewal_period": "minute",
    }
    assert sent(served, "rate-limits", name, **form)[0] == 303
    again = served.get(f"/ml/endpoints/{name}/rate-limits").text
    assert 'value="user" selected' in again
    assert 'name="rate_limits[0].calls" aria-describedby="rate_limits-0-calls-help" required value="0"' in again
    query = {"input": "x"} if name == HOSTED else {"inputs": [1]}
    headers = {"Authorization": "Bearer dapi-mock"}
    asked = f"/serving-endpoints/{name}/invocations"
    assert served.post(asked, json=query, headers=headers).status_code == 429
    assert sent(served, "rate-limits", name)[0] == 303
    assert served.post(asked, json=query, headers=headers).status_code == 200
    assert "rate_limits[0]" not in served.get(f"/ml/endpoints/{name}/rate-limits").text


def test_a_bad_older_rate_limit_is_refused_at_its_field(served: FlaskClient) -> None:
    form = {"rate_limits[0].calls": "many", "rate_limits[0].renewal_period": "minute"}
    status, text = sent(served, "rate-limits", **form)
    assert status == 200
    assert 'class="error"' in text.split('id="rate_limits-0-calls-help">')[1].split("</p>")[0]
    assert 'value="many"' in text


def test_a_rate_limit_is_added_to_the_form_and_removed_from_it(served: FlaskClient) -> None:
    data = {"?part": "rate-limits", "?name": "ads", "?do": "add:rate_limits"}
    assert 'name="rate_limits[0].calls"' in served.post("/ui/form", data=data, headers=SAME).text
    data = {**data, "?do": "remove:rate_limits@0", "rate_limits[0].calls": "7"}
    assert 'name="rate_limits[0].calls"' not in served.post("/ui/form", data=data, headers=SAME).text


def test_the_timeline_remembers_when_every_version_went_into_service(mock: Mock, served: FlaskClient) -> None:
    for version in ("2", "3"):
        api(served, "PUT", "/ads/config", {"served_entities": [{**CUSTOM, "entity_version": version}]})
        mock.clock.advance(2)
    api(served, "POST", "/ads/config:stop")
    mock.journal.clear("default")  # what clients asked is forgotten some time; what happened is not
    text = served.get("/ml/endpoints/ads").text
    places = [text.index(f"Version {number} went into service") for number in (3, 2, 1)]
    assert places == sorted(places)
    endpoint = mock.store.get(Endpoint, "default", "ads")
    assert endpoint is not None
    assert len(endpoint.history(mock.clock.now())) == 3


def test_only_the_identities_of_the_own_workspace_are_listed(served: FlaskClient) -> None:
    for token, user in (("dapi-mock", "ann@example.com"), ("dapi-mock-other", "bob@example.com")):
        made = served.post("/__mock__/tokens", json={"user_name": user}, headers={"Authorization": f"Bearer {token}"})
        assert made.status_code in (200, 201)
    text = served.get("/ui/simulation").text
    assert "ann@example.com" in text
    assert "bob@example.com" not in text


def test_a_workspace_that_has_a_clock_of_its_own_is_shown_by_it(mock: Mock, served: FlaskClient) -> None:
    served.set_cookie("serving_mock_token", "dapi-mock-own")
    headers = {"Authorization": "Bearer dapi-mock-own"}
    body = {"name": "mine", "config": {"served_entities": [CUSTOM]}}
    assert served.post("/api/2.0/serving-endpoints", json=body, headers=headers).status_code == 200
    assert "Not ready" in served.get("/ui/endpoints/yours").text
    mock.own_clock("dapi-mock-own").advance(2)
    assert "Not ready" not in served.get("/ui/endpoints/yours").text

"""Requests to the pages that no page would send: each is answered with a page, none with a failure."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from mockserver import Mock, Settings
from mockserver.app import create_app

NAMES = ("bare", "create", "databricks-bge-large-en", "databricks-gpt-5")
PARTS = ("", "/live", "/edit", "/gateway", "/try", "/metrics", "/logs", "/metrics/live", "/logs/live")
QUERIES = (
    "/?page=999999999", "/?page=0&sort=x", "/?page=-1", "/?page=%D9%A1", "/ui/endpoints?state=%00&kind=%3Cb%3E",
    "/ui/journal?endpoint=[&operation=zz&outcome=?", "/ui/journal/live?seen=x", "/ml/endpoints/bare/metrics?minutes=9",
)  # fmt: skip
FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/ui/form", {"?do": "add:nonsense"}),
    ("/ui/form", {"?do": "remove:tags@99999999"}),
    ("/ui/form", {"?do": "select:@x"}),
    ("/ui/form", {"?do": "select:@7", "?kind": "external", "?provider": "openai"}),
    ("/ui/form", {"config.served_entities[0]?kind": "external", "config.served_entities[0]?provider": "nobody"}),
    ("/ui/form", {"config.served_entities[0]?kind": "custom", "config.served_entities[0]?variant": "99"}),
    ("/ui/select-entity", {"?index": "-1"}),
    ("/ml/create-endpoint", {"tags[5].key": "x", "config.served_entities[2]?kind": "external"}),
    ("/ml/create-endpoint", {"?part": "nonsense", "name": "x" * 100_000}),
    ("/ml/endpoints/bare/stop", {}),
    ("/ml/endpoints/bare/start", {}),
    ("/ml/endpoints/databricks-bge-large-en/stop", {}),
    ("/ml/endpoints/databricks-bge-large-en/permissions", {}),
    ("/ml/endpoints/databricks-bge-large-en/cancel-update", {}),
    ("/ml/endpoints/bare/edit", {}),
    ("/ml/endpoints/bare/gateway", {}),
    ("/ml/endpoints/bare/permissions", {"kind": "nobody", "principal": "x"}),
    ("/ml/endpoints/bare/query", {}),
    ("/ml/endpoints/bare/code", {}),
    ("/ui/simulation/clock", {"advance": "x"}),
    ("/ui/simulation/clock", {"deed": "backwards"}),
    ("/ui/simulation/fault", {"status": "teapot", "probability": "2"}),
    ("/ui/simulation/token", {}),
    ("/ui/simulation/settings", {"provisioning": "-1"}),
    ("/ui/simulation/import", {}),
    ("/ui/simulation/remove-fault", {"id": "none"}),
    ("/ui/journal/1/replay", {}),
    ("/ui/journal/x/replay", {}),
)


@pytest.fixture(scope="module")
def served() -> FlaskClient:
    """The pages of a mock with an endpoint that serves nothing, and one with the name of a page."""
    client = create_app(Mock(Settings(provisioning=0))).test_client()
    agent = {"entity_name": "main.default.my_agent", "entity_version": "1", "scale_to_zero_enabled": True}
    odd = {"name": "create", "route_optimized": True, "config": {"served_entities": [agent]}}
    for body in ({"name": "bare"}, odd):
        made = client.post("/api/2.0/serving-endpoints", json=body, headers={"Authorization": "Bearer dapi-mock"})
        assert made.status_code == 200
    return client


@pytest.mark.parametrize("name", NAMES)
def test_every_endpoint_has_every_page(served: FlaskClient, name: str) -> None:
    assert {part: served.get(f"/ml/endpoints/{name}{part}").status_code for part in PARTS} == dict.fromkeys(PARTS, 200)


@pytest.mark.parametrize("path", QUERIES)
def test_an_odd_query_is_answered_with_a_page(served: FlaskClient, path: str) -> None:
    assert served.get(path).status_code == 200


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_an_odd_form_is_answered_and_never_fails(served: FlaskClient, path: str, form: dict[str, str]) -> None:
    answer = served.post(path, data=form, headers={"Origin": "http://localhost"})
    assert answer.status_code in (200, 303, 400, 404)

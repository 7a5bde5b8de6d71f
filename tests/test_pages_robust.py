"""Requests to the pages that no page would send: each is answered with a page, none with a failure."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from mockserver import Mock, Settings
from mockserver.app import create_app
from mockserver.domain.endpoint import Endpoint
from mockserver.ui import listing

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
    hosted = name.startswith("databricks-")  # which has no configuration to edit
    expected = {part: 400 if hosted and part == "/edit" else 200 for part in PARTS}
    assert {part: served.get(f"/ml/endpoints/{name}{part}").status_code for part in PARTS} == expected


@pytest.mark.parametrize("path", QUERIES)
def test_an_odd_query_is_answered_with_a_page(served: FlaskClient, path: str) -> None:
    assert served.get(path).status_code == 200


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_an_odd_form_is_answered_and_never_fails(served: FlaskClient, path: str, form: dict[str, str]) -> None:
    answer = served.post(path, data=form, headers={"Origin": "http://localhost"})
    assert answer.status_code in (200, 303, 400, 404)


def test_a_list_whose_endpoints_have_not_changed_is_drawn_from_memory() -> None:
    mock = Mock(Settings(provisioning=0))
    client = create_app(mock).test_client()
    agent = {"entity_name": "main.default.my_agent", "entity_version": "1", "scale_to_zero_enabled": True}
    body = {"name": "n-0", "config": {"served_entities": [agent]}}
    client.post("/api/2.0/serving-endpoints", json=body, headers={"Authorization": "Bearer dapi-mock"})
    model = mock.store.get(Endpoint, "default", "n-0")
    assert model is not None
    with mock.transaction("default") as transaction:
        for number in range(1, 200):
            transaction.put(f"n-{number}", model._replace(name=f"n-{number}", id=f"{number:032x}"))

    def took(prepare: Callable[[], None]) -> float:
        spent = []
        for _ in range(7):
            prepare()
            started = time.thread_time()
            assert "n-199" in client.get("/?search=n-199").text
            spent.append(time.thread_time() - started)
        return min(spent)

    assert 2 * took(lambda: None) < took(listing.forget)
    renamed = model._replace(name="n-0", creator_display_name="Somebody else")
    with mock.transaction("default") as transaction:
        transaction.put("n-0", renamed)
    assert "Somebody else" in client.get("/?search=n-0").text

"""The older form of a configuration, and what of both forms comes back."""

from __future__ import annotations

from collections.abc import Callable

import requests

ENDPOINTS = "/api/2.0/serving-endpoints"
MODEL = {"name": "ads", "model_name": "main.ads.model", "model_version": "1", "scale_to_zero_enabled": True}
ENTITY = {"name": "ads", "entity_name": "main.ads.model", "entity_version": "1", "scale_to_zero_enabled": True}

Rest = Callable[..., requests.Response]


def test_both_forms_at_once_are_refused_in_the_services_words(rest: Rest) -> None:
    both = {"served_models": [MODEL], "served_entities": [ENTITY]}
    assert rest("POST", ENDPOINTS, json={"name": "ads", "config": {"served_models": [MODEL]}}).status_code == 200
    for reply in (
        rest("POST", ENDPOINTS, json={"name": "other", "config": both}),
        rest("PUT", f"{ENDPOINTS}/ads/config", json=both),
    ):
        assert reply.status_code == 400
        assert reply.json() == {
            "error_code": "BAD_REQUEST",
            "message": "Both served_models and served_entities cannot be provided in the config. Databricks recommends "
            "using only served_entities, because served_models is deprecated.",
        }


def test_either_form_comes_back_in_both(rest: Rest) -> None:
    for config in ({"served_models": [MODEL]}, {"served_entities": [ENTITY]}):
        created = rest("POST", ENDPOINTS, json={"name": "both", "config": config}).json()["config"]
        assert ENTITY.items() <= created["served_entities"][0].items()
        assert MODEL.items() <= created["served_models"][0].items()
        assert "model_name" not in created["served_entities"][0]
        assert "entity_name" not in created["served_models"][0]
        assert rest("DELETE", f"{ENDPOINTS}/both").status_code == 200

"""Configurations: what a client sends, completed as the service does it, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from mockserver.domain import config as configs
from mockserver.domain.config import Config, Route
from mockserver.domain.refusals import Refusal

CUSTOM: dict[str, Any] = {"entity_name": "main.ads.model", "entity_version": "3", "scale_to_zero_enabled": False}


def build(body: dict[str, Any], previous: Config | None = None, many_external: bool = False) -> Config:
    return configs.build(body, version=1, creator="u", now=1_500, previous=previous, many_external=many_external)


def external(name: str, model: str = "gpt-4o", task: str = "llm/v1/chat") -> dict[str, Any]:
    return {"name": name, "external_model": {"name": model, "provider": "openai", "task": task}}


def test_a_lone_entity_gets_all_traffic_and_the_defaults() -> None:
    config = build({"served_entities": [CUSTOM]})
    assert config.routes == (Route("model-3", 100),)
    definition = config.entities[0].definition
    assert (definition["workload_size"], definition["workload_type"]) == ("Small", "CPU")
    assert config.entities[0].created_at == 1_000


def test_an_integer_version_and_a_percentage_as_text_are_understood() -> None:
    traffic = {"routes": [{"served_model_name": "model-3", "traffic_percentage": "100"}]}
    config = build({"served_entities": [{**CUSTOM, "entity_version": 3}], "traffic_config": traffic})
    assert config.entities[0].definition["entity_version"] == "3"
    assert config.routes == (Route("model-3", 100),)


def test_served_models_are_the_same_entities_under_older_names() -> None:
    model = {"model_name": "main.ads.model", "model_version": "3", "scale_to_zero_enabled": False}
    assert build({"served_models": [model]}) == build({"served_entities": [CUSTOM]})


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        ({"entity_name": "system.ai.meta_llama_v3_8b", "entity_version": "3", "max_provisioned_throughput": 1},
         "meta_llama_v3_8b-3"),
        ({"external_model": {"name": "gpt-3.5-turbo", "provider": "openai", "task": "t"}}, "gpt-3-5-turbo"),
        ({"external_model": {"name": "anthropic.claude-v2:1", "provider": "amazon-bedrock", "task": "t"}},
         "anthropic-claude-v2-1"),
        ({**CUSTOM, "name": "mine"}, "mine"),
    ],
)  # fmt: skip
def test_entities_are_named_as_the_service_names_them(definition: dict[str, Any], name: str) -> None:
    assert build({"served_entities": [definition]}).entities[0].name == name


def test_both_forms_at_once_are_refused_in_the_services_words() -> None:
    with pytest.raises(Refusal, match=r"^Both served_models and served_entities cannot be provided") as caught:
        build({"served_entities": [CUSTOM], "served_models": [CUSTOM]})
    assert caught.value.code == "BAD_REQUEST"


def test_an_external_model_cannot_be_added_or_removed_by_an_update() -> None:
    custom, outside = build({"served_entities": [CUSTOM]}), build({"served_entities": [external("a")]})
    with pytest.raises(Refusal, match="external_model cannot be added to"):
        build({"served_entities": [external("a")]}, previous=custom)
    with pytest.raises(Refusal, match="external_model cannot be removed from"):
        build({"served_entities": [CUSTOM]}, previous=outside)
    assert build({"served_entities": [external("a", "claude")]}, previous=outside).entities[0].model == "claude"


def test_several_external_models_are_a_setting_and_share_one_task() -> None:
    traffic = {"routes": [{"served_entity_name": name, "traffic_percentage": 50} for name in "ab"]}
    two = {"served_entities": [external("a"), external("b")], "traffic_config": traffic}
    with pytest.raises(Refusal, match="exactly one served entity; 2 were given"):
        build(two)
    assert len(build(two, many_external=True).entities) == 2
    mixed = {"served_entities": [external("a"), external("b", task="llm/v1/embeddings")], "traffic_config": traffic}
    with pytest.raises(Refusal, match="the same task"):
        build(mixed, many_external=True)
    with pytest.raises(Refusal, match="cannot be served together"):
        build({"served_entities": [external("a"), CUSTOM], "traffic_config": traffic}, many_external=True)


def test_unchanged_entities_keep_their_creation_time() -> None:
    before = build({"served_entities": [CUSTOM]})
    body = {"served_entities": [CUSTOM, {**CUSTOM, "entity_version": "4"}]}
    body["traffic_config"] = {"routes": [{"served_entity_name": "model-3", "traffic_percentage": 100}]}  # type: ignore[assignment]
    after = configs.build(body, version=2, creator="v", now=9_999, previous=before, many_external=False)
    assert [entity.created_at for entity in after.entities] == [1_000, 9_000]


def test_traffic_alone_can_be_changed() -> None:
    two = [CUSTOM, {**CUSTOM, "entity_version": "4"}]
    routes = [("model-3", 90), ("model-4", 10)]
    before = build({"served_entities": two, "traffic_config": traffic_of(routes)})
    after = build({"traffic_config": traffic_of([("model-3", 0), ("model-4", 100)])}, previous=before)
    assert after.entities == before.entities
    assert after.routes == (Route("model-3", 0), Route("model-4", 100))


def traffic_of(routes: list[tuple[str, int]]) -> dict[str, Any]:
    return {"routes": [{"served_entity_name": name, "traffic_percentage": share} for name, share in routes]}


def test_auto_capture_cannot_be_renamed_or_enabled_again() -> None:
    capture = {"catalog_name": "c", "schema_name": "s", "enabled": True}
    before = build({"served_entities": [CUSTOM], "auto_capture_config": capture})
    with pytest.raises(Refusal, match="catalog_name cannot be changed from 'c'"):
        build({"auto_capture_config": {**capture, "catalog_name": "d"}}, previous=before)
    disabled = build({"auto_capture_config": {**capture, "enabled": False}}, previous=before)
    with pytest.raises(Refusal, match="cannot be enabled again"):
        build({"auto_capture_config": capture}, previous=disabled)

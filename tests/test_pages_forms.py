"""Forms made from the contract: for every provider and way to reach it, what is filled in is what the API accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mockserver.ui import forms
from mockserver.ui.composition import ENTITIES, Composition, composed_of, external_form, providers
from mockserver.ui.fields import Field, Form, form_of
from openapi import load

SPEC = load()
SECRET = "{{secrets/my_scope/my_key}}"


def ways(form: Form, prefix: str) -> Iterator[dict[str, str]]:
    """Every choice of variants inside a form, as values."""
    nested = [(each, f"{prefix}.{each.name}") for each in form.fields if each.form is not None and each.required]
    for index in range(max(1, len(form.variants))):
        chosen = {f"{prefix}?variant": str(index)}
        inner = [ways(each.form, path) for each, path in nested if each.form is not None] or [iter([{}])]
        for values in inner[0]:
            yield {**chosen, **values}


def filled(form: Form, values: dict[str, str], prefix: str, *, plaintext: bool) -> dict[str, str]:
    """The values with everything filled in that is required."""
    for each in form.chosen(forms.variant_of(values, prefix)):
        path = f"{prefix}.{each.name}"
        if each.required and each.form is not None:
            filled(each.form, values, path, plaintext=plaintext)
        elif each.required:
            values |= {path: text_for(each, plaintext), f"{path}?as": "plaintext" if plaintext else "reference"}
    return values


def text_for(each: Field, plaintext: bool) -> str:
    """Something that may stand in a field."""
    if each.kind == "secret":
        return "not-a-real-secret" if plaintext else SECRET
    return each.choices[0] if each.choices else each.example or "something"


@pytest.mark.parametrize("plaintext", [False, True])
@pytest.mark.parametrize("provider", providers(SPEC))
def test_what_a_form_requires_is_all_that_the_contract_requires(provider: str, plaintext: bool) -> None:
    place = f"{ENTITIES}[0]"
    prefix = f"{place}.external_model"
    form = external_form(SPEC, provider)
    count = 0
    for chosen in ways(form, prefix):
        values = {f"{place}?kind": "external", f"{place}?provider": provider, "name": "made", **chosen}
        body = Composition(SPEC, filled(form, values, prefix, plaintext=plaintext)).body()
        assert SPEC.operations["create_serving_endpoint"].request_violations(body) == [], body
        assert ("not-a-real-secret" in str(body)) == plaintext or "instance_profile" in str(body) or "uc_" in str(body)
        count += 1
    assert count == {"openai": 3, "amazon-bedrock": 3, "custom": 2}.get(provider, 1)


def test_every_provider_of_the_contract_can_be_chosen() -> None:
    assert set(providers(SPEC)) == set(SPEC.schema("ExternalModelProvider").definition["enum"])


def test_help_choices_and_marks_come_from_the_contract() -> None:
    config = form_of(SPEC, "AmazonBedrockConfigInput")
    region, provider = config.member("aws_region"), config.member("bedrock_provider")
    properties = SPEC.schema("AmazonBedrockConfig").definition["properties"]
    assert (region.help, region.required, region.label) == (properties["aws_region"]["description"], True, "AWS region")
    assert provider.choices == ("ai21labs", "amazon", "anthropic", "cohere")
    assert [variant.title for variant in config.variants] == ["Access key", "Instance profile", "Service credential"]
    assert {each.name for each in config.chosen(1)} == {"aws_region", "bedrock_provider", "instance_profile_arn"}


@pytest.mark.parametrize(
    "entity",
    [
        {"name": "a", "entity_name": "main.default.m", "entity_version": "2", "workload_size": "Small",
         "workload_type": "CPU", "scale_to_zero_enabled": False, "environment_vars": {"A": "b=c", "D": "e"}},
        {"name": "a", "entity_name": "main.default.m", "entity_version": "2", "scale_to_zero_enabled": True,
         "min_provisioned_concurrency": 4, "max_provisioned_concurrency": 8},
        {"name": "a", "entity_name": "system.ai.meta_llama_v3_1_8b_instruct", "entity_version": "1",
         "min_provisioned_throughput": 0, "max_provisioned_throughput": 19000},
        {"name": "a", "external_model": {"name": "m", "provider": "openai", "task": "llm/v1/chat", "openai_config": {
            "openai_api_type": "azuread", "openai_api_base": "https://b", "openai_api_version": "v",
            "openai_deployment_name": "d", "microsoft_entra_tenant_id": "t", "microsoft_entra_client_id": "c",
            "microsoft_entra_client_secret": SECRET}}},
        {"name": "a", "external_model": {"name": "m", "provider": "custom", "task": "llm/v1/chat",
         "custom_provider_config": {"custom_provider_url": "https://u", "bearer_token_auth": {"token": SECRET}}}},
    ],
)  # fmt: skip
def test_what_is_served_goes_through_the_form_unchanged(entity: dict[str, Any]) -> None:
    config = {"served_entities": [entity]}
    assert composed_of(SPEC, config, "x").config() == config


def test_an_item_that_is_removed_takes_its_values_along_and_the_later_ones_move_up() -> None:
    values = {"tags[0].key": "a", "tags[1].key": "b", "tags[2].key": "c", "tags[10].key": "k", "name": "x"}
    assert forms.removed(values, "tags", 1) == {
        "tags[0].key": "a",
        "tags[1].key": "c",
        "tags[9].key": "k",
        "name": "x",
    }
    assert forms.count(values, "tags") == 11


@pytest.mark.parametrize("text", ["٣", "1e3", "0x10", " ", "9" * 30])
def test_what_is_no_number_is_left_to_the_api_to_refuse(text: str) -> None:
    assert forms.number(text) == text

"""Creating endpoints in the browser, the documented way: every kind, several providers, bad input, keyboard only."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from conftest import caller
from pages import SECRET, Tab, create_external, select_external
from playwright.sync_api import Route, expect


def created(tab: Tab, name: str) -> dict[str, Any]:
    """The endpoint as the API tells it."""
    answer: requests.Response = caller(tab.server.url, tab.token)("GET", f"/api/2.0/serving-endpoints/{name}")
    assert answer.status_code == 200, answer.text
    endpoint: dict[str, Any] = answer.json()
    return endpoint


def test_an_openai_endpoint_is_created_as_documented_and_becomes_ready_by_itself(paced_tab: Tab) -> None:
    clock = paced_tab.freeze()
    page = paced_tab.go("/")
    page.get_by_role("link", name="Create serving endpoint").click()
    create_external(page, "openai_chat")
    page.wait_for_url("**/ml/endpoints/openai_chat")
    paced_tab.shows("Not ready")
    clock.advance(1)
    paced_tab.shows("Ready")
    entity = created(paced_tab, "openai_chat")["config"]["served_entities"][0]
    assert entity["external_model"] == {
        "name": "gpt-4",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key": SECRET},
    }


def test_the_form_changes_with_the_provider_and_with_the_way_to_reach_it(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("bedrock")
    select_external(page, "anthropic")
    expect(page.get_by_label("Anthropic API key")).to_be_visible()
    page.get_by_label("Model name").fill("claude")
    select_external(page, "amazon-bedrock")
    expect(page.get_by_label("Anthropic API key")).to_have_count(0)
    expect(page.get_by_label("Model name")).to_have_value("claude")
    expect(page.get_by_label("AWS access key ID")).to_be_visible()
    page.get_by_label("Access with").select_option("Instance profile")
    expect(page.get_by_label("AWS access key ID")).to_have_count(0)
    page.get_by_label("Task").select_option("Chat")
    page.get_by_label("AWS region").fill("us-east-1")
    page.get_by_label("Bedrock provider").select_option("anthropic")
    page.get_by_label("Instance profile ARN").fill("arn:aws:iam::1:instance-profile/x")
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")
    config = created(tab, "bedrock")["config"]["served_entities"][0]["external_model"]["amazon_bedrock_config"]
    assert config == {
        "aws_region": "us-east-1",
        "bedrock_provider": "anthropic",
        "instance_profile_arn": "arn:aws:iam::1:instance-profile/x",
    }


def test_a_secret_may_be_given_as_plaintext_and_is_shown_nowhere_afterwards(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("cohere")
    select_external(page, "cohere")
    page.get_by_label("Model name").fill("embed-english-v3.0")
    page.get_by_label("Task").select_option("Embeddings")
    page.get_by_label("Plaintext").check()
    page.get_by_label("Cohere API key").fill("not-a-real-key")
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")
    assert "not-a-real-key" not in page.content()
    page.goto(f"{tab.server.url}/ui/journal/1")
    expect(page.get_by_role("region", name="Request")).to_contain_text("[REDACTED]")
    assert "not-a-real-key" not in page.content()
    model = created(tab, "cohere")["config"]["served_entities"][0]["external_model"]
    assert (model["task"], model["cohere_config"]) == ("llm/v1/embeddings", {})


def test_azure_asks_for_more_than_openai_and_sends_the_type_by_itself(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("azure")
    select_external(page, "openai")
    page.get_by_label("Access with").select_option("Azure OpenAI")
    page.get_by_label("Model name").fill("gpt-4")
    page.get_by_label("Task").select_option("Chat")
    page.get_by_label("OpenAI API key").fill(SECRET)
    page.get_by_label("OpenAI API base").fill("https://example.openai.azure.com/")
    page.get_by_label("OpenAI API version").fill("2023-05-15")
    page.get_by_label("OpenAI deployment name").fill("mine")
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")
    config = created(tab, "azure")["config"]["served_entities"][0]["external_model"]["openai_config"]
    assert config["openai_api_type"] == "azure"


def test_a_foundation_model_is_served_with_throughput_of_its_own(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("hosted")
    page.get_by_label("Entity", exact=True).click()
    page.get_by_label("Foundation model", exact=True).check()
    page.get_by_label("Hosted model").select_option("system.ai.meta_llama_v3_1_8b_instruct")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Maximum provisioned throughput").fill("19000")
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")
    entity = created(tab, "hosted")["config"]["served_entities"][0]
    assert (entity["max_provisioned_throughput"], entity["entity_version"]) == (19000, "1")


def test_custom_models_share_the_traffic_and_carry_tags_limits_and_a_gateway(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("ads")
    page.get_by_role("button", name="Add served entity").click()
    for index, version in enumerate(("1", "2")):
        page.get_by_label("Entity", exact=True).nth(index).click()
        page.get_by_label("Custom model").check()
        page.get_by_label("Registered model").fill("main.default.ads")
        page.get_by_role("button", name="Confirm").click()
        page.get_by_label("Version", exact=True).nth(index).fill(version)
        page.get_by_label("Scale to zero enabled").nth(index).check()
        page.get_by_label("Served entity name").nth(index).fill(f"ads-{version}")
        page.get_by_label("Traffic (%)").nth(index).fill("90" if index == 0 else "10")
    page.get_by_label("Environment variables").first.fill("LEVEL=debug")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Key", exact=True).fill("team")
    page.get_by_label("Value", exact=True).fill("ads")
    page.get_by_role("button", name="Add rate limit").click()
    page.get_by_label("Calls").fill("100")
    page.get_by_label("Renewal period").select_option("minute")
    page.get_by_role("button", name="Configure AI Gateway").click()
    page.get_by_role("group", name="Usage tracking config").get_by_label("Enabled").check()
    page.get_by_label("Route optimization").check()
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")
    endpoint = created(tab, "ads")
    first, second = endpoint["config"]["served_entities"]
    assert first["environment_vars"] == {"LEVEL": "debug"}
    assert (first["scale_to_zero_enabled"], second["entity_version"]) == (True, "2")
    routes = endpoint["config"]["traffic_config"]["routes"]
    assert {route["served_entity_name"]: route["traffic_percentage"] for route in routes} == {"ads-1": 90, "ads-2": 10}
    assert endpoint["tags"] == [{"key": "team", "value": "ads"}]
    assert endpoint["ai_gateway"]["rate_limits"] == [{"calls": 100, "key": "endpoint", "renewal_period": "minute"}]
    assert endpoint["ai_gateway"]["usage_tracking_config"] == {"enabled": True}
    assert endpoint["route_optimized"] is True


def test_bad_input_is_refused_at_its_field_in_the_words_of_the_api_and_nothing_is_lost(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("-not good-")
    select_external(page, "openai")
    page.get_by_label("Model name").fill("gpt-4")
    page.get_by_label("Task").select_option("Completions")
    page.get_by_label("OpenAI organization").fill("ours")
    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Key", exact=True).fill("a.b")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_contain_text("The endpoint was not created.")
    name, key, tag = (
        page.get_by_label("Name", exact=True),
        page.get_by_label("OpenAI API key"),
        page.get_by_label("Key", exact=True),
    )
    for field, message in (
        (name, "Endpoint name must be maximum 63 characters"),
        (key, "openai_api_key"),
        (tag, "a.b"),
    ):
        assert field.get_attribute("aria-invalid") == "true"
        described = page.locator(f"#{field.get_attribute('aria-describedby')}")
        expect(described).to_contain_text(message)
    expect(name).to_have_value("-not good-")
    expect(page.get_by_label("Model name")).to_have_value("gpt-4")
    expect(page.get_by_label("Task")).to_have_value("llm/v1/completions")
    expect(page.get_by_label("OpenAI organization")).to_have_value("ours")
    name.fill("good")
    tag.fill("ab")
    key.fill(SECRET)
    page.get_by_role("button", name="Create").click()
    tab.shows("Ready")


def test_what_is_typed_while_the_form_is_on_its_way_is_not_lost(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    select_external(page, "openai")
    held: list[Route] = []
    page.route("**/ui/form", lambda route: held.append(route))
    with page.expect_request("**/ui/form"):
        page.get_by_label("Access with").select_option("Azure OpenAI")
    page.get_by_label("Name", exact=True).fill("typed-late")
    page.get_by_label("Model name").fill("gpt-4")
    page.get_by_label("Task").select_option("Chat")
    page.get_by_label("Plaintext").check()
    page.get_by_label("Route optimization").check()
    held[0].continue_()
    expect(page.get_by_label("OpenAI API base")).to_have_attribute("required", "")
    expect(page.get_by_label("Name", exact=True)).to_have_value("typed-late")
    expect(page.get_by_label("Model name")).to_have_value("gpt-4")
    expect(page.get_by_label("Task")).to_have_value("llm/v1/chat")
    expect(page.get_by_label("Plaintext")).to_be_checked()
    expect(page.get_by_label("Route optimization")).to_be_checked()


def test_an_entity_can_be_selected_while_the_form_is_on_its_way(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    held: list[Route] = []
    page.route("**/ui/form", lambda route: held.append(route))
    with page.expect_request("**/ui/form"):
        page.get_by_role("button", name="Add served entity").click()
    with page.expect_response("**/ui/select-entity"):
        page.get_by_label("Entity", exact=True).click()
        held[0].continue_()
    expect(page.get_by_label("Entity", exact=True)).to_have_count(2)
    expect(page.get_by_role("dialog", name="Select served entity")).to_be_visible()


def test_a_name_that_is_taken_is_refused_at_the_name(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    create_external(page, "databricks-bge-large-en")
    expect(page.locator("#name-help")).to_contain_text("already exists")


@pytest.mark.parametrize("missing", ["Choose the provider.", "Give the model's full name"])
def test_selecting_nothing_is_said_in_the_dialog(tab: Tab, missing: str) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Entity", exact=True).click()
    if "model" in missing:
        page.get_by_label("Custom model").check()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text(missing)


def test_an_entity_that_was_not_selected_is_asked_for(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Name", exact=True).fill("nothing")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#entity-0-help")).to_contain_text("served_entities[0]")


def test_an_endpoint_is_created_with_the_keyboard_alone(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.keyboard.type("by-keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Select served entity")).to_be_visible()
    expect(page.get_by_label("External model")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("O")  # one letter: more of them count as one word only when they come quickly
    expect(page.get_by_label("Provider")).to_have_value("openai")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Model name")).to_be_focused()
    page.keyboard.type("gpt-4")
    page.keyboard.press("Tab")
    page.keyboard.press("C")
    expect(page.get_by_label("Task")).to_have_value("llm/v1/chat")
    for _ in ("way of access", "kind of secret", "secret"):
        page.keyboard.press("Tab")
    expect(page.get_by_label("OpenAI API key")).to_be_focused()
    page.keyboard.type(SECRET)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ml/endpoints/by-keyboard")
    tab.shows("Ready")


def test_escape_closes_the_dialog_and_brings_the_focus_back(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    page.get_by_label("Entity", exact=True).press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label("Entity", exact=True)).to_be_focused()

"""Asking endpoints from the browser, and what the journal and the simulation show of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import caller
from pages import Tab, external
from playwright.sync_api import expect

CUSTOM = {
    "name": "ads",
    "config": {
        "served_entities": [
            {"name": "ads-1", "entity_name": "main.default.ads", "entity_version": "1", "scale_to_zero_enabled": True}
        ]
    },
}


def test_a_chat_is_streamed_piece_by_piece_and_goes_on_as_a_conversation(tab: Tab) -> None:
    mock = tab.server.mock
    mock.configure(tab.token, settings=replace(mock.settings, time_per_token=0.4))
    caller(tab.server.url, tab.token)("POST", "/api/2.0/serving-endpoints", json=external("chat"))
    page = tab.go("/ml/endpoints/chat/try")
    page.get_by_label("Message").fill("What is the capital of France?")
    page.get_by_role("button", name="Send").click()
    words = page.locator(".turn.model .words").last
    expect(words).not_to_be_empty()
    expect(page.get_by_role("button", name="Halt")).to_be_visible()
    early = words.inner_text()
    expect(page.locator("#status")).to_contain_text("200 after")
    assert words.inner_text().startswith(early)
    assert len(words.inner_text()) >= len(early)
    expect(words).to_contain_text("Paris")
    page.get_by_text("Reply", exact=True).click()
    expect(page.get_by_role("region", name="Raw reply")).to_contain_text("data: [DONE]")
    mock.configure(tab.token, settings=mock.settings)
    page.get_by_label("Message").fill("And of Italy?")
    page.get_by_label("Message").press("Control+Enter")
    expect(page.locator(".turn.model")).to_have_count(2)
    expect(page.locator("#status")).to_contain_text("200 after")
    expect(page.get_by_role("region", name="Raw request")).to_contain_text("assistant")


def test_a_chat_without_streaming_shows_the_reply_and_a_refusal_in_its_words(tab: Tab) -> None:
    page = tab.go("/ml/endpoints/databricks-llama-2-70b-chat/try")
    page.get_by_label("Stream").uncheck()
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.model .words")).not_to_be_empty()
    expect(page.get_by_role("region", name="curl")).to_contain_text("What is a serving endpoint?")
    tab.problems.clear()
    page.get_by_label("Temperature").fill("hot")
    page.get_by_label("Message").fill("Again")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.error")).to_contain_text("temperature")
    assert all("400" in problem for problem in tab.problems)
    tab.problems.clear()


def test_embeddings_are_compared_in_a_table(tab: Tab) -> None:
    page = tab.go("/ml/endpoints/databricks-bge-large-en/try")
    page.get_by_label("Texts, one per line").fill("a cat\na cat\nthe sea")
    page.get_by_role("button", name="Send").click()
    first = page.get_by_role("row", name="1. a cat")
    expect(first.get_by_role("cell").nth(0)).to_have_text("1.000")
    expect(first.get_by_role("cell").nth(1)).to_have_text("1.000")
    expect(first.get_by_role("cell").nth(2)).not_to_have_text("1.000")


def test_completions_and_a_custom_models_json_are_asked_as_they_are_typed(tab: Tab) -> None:
    call = caller(tab.server.url, tab.token)
    call("POST", "/api/2.0/serving-endpoints", json=CUSTOM)
    call("POST", "/api/2.0/serving-endpoints", json=external("words", model="davinci-002", task="llm/v1/completions"))
    page = tab.go("/ml/endpoints/words/try")
    page.get_by_label("Prompt").fill("Once upon a time")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.model .words")).not_to_be_empty()
    page = tab.go("/ml/endpoints/ads/try")
    page.get_by_label("Request body").fill('{"dataframe_records": [{"a": 1}, {"a": 2}]}')
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.model .words")).to_contain_text("predictions")
    page.get_by_text("databricks-sdk").click()
    expect(page.get_by_role("region", name="databricks-sdk")).to_contain_text("dataframe_records")


def test_the_plots_and_logs_show_what_was_asked(tab: Tab) -> None:
    call = caller(tab.server.url, tab.token)
    call("POST", "/api/2.0/serving-endpoints", json=external("chat"))
    page = tab.go("/ml/endpoints/chat/metrics")
    expect(page.get_by_role("img", name="Requests: 0 in this time")).to_be_visible()
    for _ in range(3):
        call("POST", "/serving-endpoints/chat/invocations", json={"messages": [{"role": "user", "content": "Hello"}]})
    call("POST", "/serving-endpoints/chat/invocations", json={"messages": "?"})
    expect(page.get_by_role("img", name="Requests: 4 in this time")).to_be_visible()
    expect(page.get_by_role("img", name="Errors: 1 in this time")).to_be_visible()
    expect(page.get_by_role("img", name="Latency: between")).to_be_visible()
    expect(page.get_by_role("row", name="served 4 1 0")).to_be_visible()
    page.get_by_role("link", name="Logs").click()
    expect(page.get_by_role("region", name="Service logs")).to_contain_text("Registered route served")


def test_the_journal_is_live_can_be_filtered_and_asked_again(tab: Tab) -> None:
    call = caller(tab.server.url, tab.token)
    page = tab.go("/ui/journal")
    expect(page.get_by_text("Nothing yet")).to_be_visible()
    call("POST", "/api/2.0/serving-endpoints", json=external("chat"))
    call("GET", "/api/2.0/serving-endpoints/gone")
    expect(page.get_by_role("link", name="get_serving_endpoint")).to_be_visible()
    page.get_by_label("Outcome").select_option("Refused")
    expect(page.get_by_role("link", name="create_serving_endpoint")).to_have_count(0)
    page.get_by_role("link", name="get_serving_endpoint").click()
    expect(page.get_by_role("region", name="Reply")).to_contain_text("RESOURCE_DOES_NOT_EXIST")
    expect(page.get_by_role("region", name="As curl")).to_contain_text("/api/2.0/serving-endpoints/gone")
    call("POST", "/api/2.0/serving-endpoints", json=external("gone"))
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("region", name="Reply")).to_contain_text('"name": "gone"')
    assert tab.server.mock.journal.count(tab.token) == 4


def test_the_simulation_is_controlled_from_the_page(tab: Tab, tmp_path: Path) -> None:
    call = caller(tab.server.url, tab.token)
    page = tab.go("/ui/simulation")
    page.get_by_role("button", name="Freeze").click()
    expect(page.get_by_text("frozen")).to_be_visible()
    before = tab.server.mock.clock_of(tab.token).now()
    page.get_by_label("Seconds to move forward").fill("90")
    with page.expect_response("**/ui/simulation/clock"):
        page.get_by_role("button", name="Move forward").click()
    assert tab.server.mock.clock_of(tab.token).now() == before + 90_000
    page.get_by_label("Operation").select_option("list_serving_endpoints")
    page.get_by_label("Status").select_option("429")
    page.get_by_label("How often").fill("1")
    page.get_by_role("button", name="Add fault").click()
    expect(page.get_by_text("operation=list_serving_endpoints")).to_be_visible()
    assert [call("GET", "/api/2.0/serving-endpoints").status_code for _ in range(2)] == [429, 200]
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("everything goes well")).to_be_visible()
    page.get_by_label("How often").fill("never")
    page.get_by_role("button", name="Add fault").click()
    expect(page.get_by_role("alert")).to_contain_text("times")
    call("POST", "/api/2.0/serving-endpoints", json=external("kept"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Export YAML").click()
    saved = tmp_path / "state.yaml"
    download.value.save_as(saved)
    page.get_by_role("button", name="Reset the workspace").click()
    with page.expect_response("**/ui/simulation/reset"):
        page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    assert call("GET", "/api/2.0/serving-endpoints/kept").status_code == 404
    page.get_by_label("File to import").set_input_files(saved)
    with page.expect_response("**/ui/simulation/import"):
        page.get_by_role("button", name="Import", exact=True).click()
    assert call("GET", "/api/2.0/serving-endpoints/kept").status_code == 200


def test_an_identity_is_made_and_its_token_shown_once(tab: Tab) -> None:
    page = tab.go("/ui/simulation")
    page.get_by_label("Who").fill(f"{tab.token}@example.com")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#made").inner_text()
    identity = tab.server.mock.authenticator.lookup(token)
    assert identity is not None
    assert (identity.name, identity.workspace, identity.admin) == (f"{tab.token}@example.com", tab.token, False)
    page.goto(f"{tab.server.url}/ui/simulation")
    expect(page.get_by_role("row", name=f"{tab.token}@example.com")).to_be_visible()
    assert token not in page.content()


def test_the_contract_is_browsable_and_usable_offline(tab: Tab) -> None:
    page = tab.go("/docs")
    operation = page.locator("#operations-Serving_endpoints-stop_endpoint")
    expect(operation).to_be_visible()
    operation.get_by_role("button").first.click()
    expect(operation).to_contain_text("Gives the machines back")
    listing = page.locator("#operations-Serving_endpoints-list_serving_endpoints")
    listing.get_by_role("button").first.click()
    listing.get_by_role("button", name="Try it out").click()
    listing.get_by_role("button", name="Execute").click()
    expect(listing.locator(".live-responses-table")).to_contain_text("databricks-llama-2-70b-chat")
    assert page.locator(".errors-wrapper").count() == 0


@pytest.mark.parametrize("path", ["/ml/endpoints/nothing", "/ui/journal/99"])
def test_what_is_not_there_is_said_on_a_page(tab: Tab, path: str) -> None:
    page = tab.go(path)
    expect(page.get_by_role("alert")).to_be_visible()
    tab.problems.clear()  # the browser logs the status of the page itself

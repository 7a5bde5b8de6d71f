"""An endpoint's page: updates and their cancellation, settings, permissions, and what is refused."""

from __future__ import annotations

from typing import Any

from conftest import caller
from pages import Tab, create_external, external
from playwright.sync_api import Page, expect

from mockserver import MockServer
from mockserver.faults import DeploymentFault


def made(tab: Tab, name: str, **more: Any) -> Page:
    """The page of an endpoint that a client of the API has made."""
    answer = caller(tab.server.url, tab.token)("POST", "/api/2.0/serving-endpoints", json=external(name, **more))
    assert answer.status_code == 200, answer.text
    return tab.go(f"/ml/endpoints/{name}")


def answering_model(tab: Tab, name: str) -> str:
    """The model that answers a query now."""
    body = {"messages": [{"role": "user", "content": "Who are you?"}]}
    answer = caller(tab.server.url, tab.token)("POST", f"/serving-endpoints/{name}/invocations", json=body)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["model"])


def test_an_update_is_shown_beside_what_serves_and_can_be_cancelled_while_the_old_model_answers(paced_tab: Tab) -> None:
    clock = paced_tab.freeze()
    page = made(paced_tab, "chat", model="gpt-4")
    clock.advance(2)
    paced_tab.shows("Ready")
    page.get_by_role("link", name="Edit configuration").click()
    expect(page.get_by_label("Model name")).to_have_value("gpt-4")
    page.get_by_label("Model name").fill("gpt-4o")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("region", name="Pending configuration")).to_contain_text("gpt-4o")
    expect(page.get_by_role("region", name="Active configuration")).not_to_contain_text("gpt-4o")
    change = page.get_by_role("row", name="served name gpt-4 gpt-4o")
    expect(change).to_be_visible()
    paced_tab.shows("Ready")
    assert answering_model(paced_tab, "chat").startswith("gpt-4-")
    page.get_by_role("button", name="Cancel update").click()
    expect(page.get_by_role("region", name="Pending configuration")).to_have_count(0)
    expect(page.locator(".facts")).to_contain_text("Update cancelled")
    assert answering_model(paced_tab, "chat").startswith("gpt-4-")
    expect(page.get_by_role("list").filter(has_text="Created")).to_contain_text("Update cancelled")
    state = caller(paced_tab.server.url, paced_tab.token)("GET", "/api/2.0/serving-endpoints/chat").json()["state"]
    assert (state["ready"], state["config_update"]) == ("READY", "UPDATE_CANCELED")
    page.goto(f"{paced_tab.server.url}/ui/journal")
    expect(page.get_by_role("link", name="cancel_update")).to_be_visible()


def test_an_update_that_is_not_cancelled_goes_into_service_by_itself(paced_tab: Tab) -> None:
    clock = paced_tab.freeze()
    page = made(paced_tab, "chat")
    clock.advance(2)
    page.goto(f"{paced_tab.server.url}/ml/endpoints/chat/edit")
    page.get_by_label("Model name").fill("gpt-4o")
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("button", name="Cancel update")).to_be_visible()
    clock.advance(2)
    expect(page.get_by_role("button", name="Cancel update")).to_have_count(0)
    expect(page.get_by_role("region", name="Active configuration")).to_contain_text("gpt-4o")
    expect(page.get_by_role("list").filter(has_text="Created")).to_contain_text("Version 2 went into service")


def test_a_failed_update_says_why_and_leaves_the_old_configuration_in_service(tab: Tab) -> None:
    page = made(tab, "chat")
    tab.server.mock.faults.add_deployment(tab.token, DeploymentFault("chat", "FAILED", message="No such model."))
    page.get_by_role("link", name="Edit configuration").click()
    page.get_by_label("Model name").fill("gpt-5")
    page.get_by_role("button", name="Update").click()
    expect(page.locator(".notice")).to_contain_text("The earlier configuration goes on serving.")
    expect(page.get_by_role("region", name="Pending configuration")).to_contain_text("No such model.")
    tab.shows("Ready")


def test_what_the_api_says_against_an_update_is_shown_in_the_form(tab: Tab) -> None:
    page = made(tab, "chat")
    page.get_by_role("link", name="Edit configuration").click()
    page.get_by_label("Entity", exact=True).click()
    page.get_by_label("Custom model").check()
    page.get_by_label("Registered model").fill("main.default.ads")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("alert")).to_contain_text("external_model cannot be removed from an existing endpoint")


def test_tags_are_added_and_removed_and_a_bad_key_is_refused(tab: Tab) -> None:
    page = made(tab, "chat")
    tags = page.locator("#tags")
    tags.get_by_label("Tag key").fill("team")
    tags.get_by_label("Tag value").fill("search")
    tags.get_by_role("button", name="Add tag").click()
    expect(tags).to_contain_text("team: search")
    tags.get_by_role("button", name="Remove the tag team").click()
    expect(tags).to_contain_text("None.")
    tags.get_by_label("Tag key").fill("a/b")
    tags.get_by_role("button", name="Add tag").click()
    expect(page.get_by_role("alert")).to_contain_text("reserved characters")


def test_notifications_gateway_and_permissions_are_set_through_the_api(tab: Tab) -> None:
    page = made(tab, "chat")
    page.get_by_label("When an update fails").fill("ann@example.com bob@example.com")
    page.get_by_role("button", name="Save notifications").click()
    expect(page.get_by_label("When an update fails")).to_have_value("ann@example.com bob@example.com")
    page.get_by_role("link", name="Edit AI Gateway").click()
    page.get_by_role("button", name="Add rate limit").click()
    page.get_by_label("Calls").fill("7")
    page.get_by_label("Renewal period").select_option("minute")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#gateway")).to_contain_text("rate_limits[0].calls")
    page.get_by_label("Principal", exact=True).fill("ann@example.com")
    page.get_by_label("Permission", exact=True).select_option("CAN_QUERY")
    page.get_by_role("button", name="Grant").click()
    expect(page.get_by_role("row", name="ann@example.com")).to_contain_text("CAN_QUERY")
    page.get_by_role("button", name="Take the permission of ann@example.com away").click()
    expect(page.get_by_role("row", name="ann@example.com")).to_have_count(0)
    call = caller(tab.server.url, tab.token)
    endpoint = call("GET", "/api/2.0/serving-endpoints/chat").json()
    assert endpoint["email_notifications"]["on_update_failure"] == ["ann@example.com", "bob@example.com"]
    assert endpoint["ai_gateway"]["rate_limits"][0]["calls"] == 7


def test_older_rate_limits_and_telemetry_are_set_in_forms_of_their_own(tab: Tab) -> None:
    call = caller(tab.server.url, tab.token)
    entity = {"entity_name": "main.default.ads", "entity_version": "1", "scale_to_zero_enabled": True}
    body = {"name": "ads", "config": {"served_entities": [entity]}}
    assert call("POST", "/api/2.0/serving-endpoints", json=body).status_code == 200
    page = tab.go("/ml/endpoints/ads")
    page.get_by_role("link", name="Older rate limits").click()
    page.get_by_role("button", name="Add rate limit").click()
    page.get_by_label("Calls").fill("0")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#rate_limits-0-renewal_period-help")).to_contain_text("renewal_period")
    expect(page.get_by_label("Calls")).to_have_value("0")
    page.get_by_label("Renewal period").select_option("minute")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/ml/endpoints/ads#rate-limits")
    assert call("POST", "/serving-endpoints/ads/invocations", json={"inputs": [1]}).status_code == 429
    page.get_by_role("link", name="Edit telemetry").click()
    page.get_by_label("Logs table").fill("main.default.logs")
    page.get_by_label("Sampling fraction").fill("0.5")
    page.get_by_role("group", name="Enabled telemetry features").get_by_label("Traces").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#telemetry")).to_contain_text("TELEMETRY_FEATURE_TRACES")
    telemetry = call("GET", "/api/2.0/serving-endpoints/ads").json()["telemetry_config"]
    assert telemetry["inference_table_config"]["sampling_fraction"] == 0.5


def test_an_endpoint_is_stopped_and_started_and_deleted_with_its_name_typed(tab: Tab) -> None:
    page = made(tab, "chat")
    page.get_by_role("button", name="Stop").click()
    tab.shows("Not ready")
    expect(page.locator(".facts")).to_contain_text("Stopped")
    page.get_by_role("button", name="Start").click()
    tab.shows("Ready")
    page.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete chat")
    dialog.get_by_label("Type chat to confirm").fill("chart")
    dialog.get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
    page.get_by_role("button", name="Delete").click()
    dialog.get_by_label("Type chat to confirm").fill("chat")
    dialog.get_by_role("button", name="Delete endpoint").click()
    page.wait_for_url(f"{tab.server.url}/")
    assert caller(tab.server.url, tab.token)("GET", "/api/2.0/serving-endpoints/chat").status_code == 404


def test_who_may_only_view_is_refused_in_the_words_of_the_api(tab: Tab) -> None:
    made(tab, "chat")
    call = caller(tab.server.url, tab.token)
    endpoint_id = call("GET", "/api/2.0/serving-endpoints/chat").json()["id"]
    grant = {"access_control_list": [{"user_name": "ann@example.com", "permission_level": "CAN_VIEW"}]}
    assert call("PATCH", f"/api/2.0/permissions/serving-endpoints/{endpoint_id}", json=grant).status_code == 200
    token = call("POST", "/__mock__/tokens", json={"user_name": "ann@example.com", "admin": False}).json()["token"]
    page = tab.go("/ui/sign-in")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("banner")).to_contain_text("ann@example.com")
    page.get_by_role("link", name="chat", exact=True).click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("alert")).to_contain_text("User does not have permission 'Manage' on Endpoint chat")
    tab.shows("Ready")


def test_the_list_changes_by_itself_and_finds_what_is_searched(paced_tab: Tab) -> None:
    clock = paced_tab.freeze()
    page = paced_tab.go("/")
    expect(page.get_by_role("region", name="Foundation model endpoints")).to_contain_text("databricks-llama-2-70b-chat")
    call = caller(paced_tab.server.url, paced_tab.token)
    for name in ("apple", "pear"):
        call("POST", "/api/2.0/serving-endpoints", json=external(name, tags=[{"key": "colour", "value": f"of-{name}"}]))
    row = page.get_by_role("row", name="apple")
    expect(row).to_contain_text("Not ready")
    clock.advance(2)
    expect(row).to_contain_text("Ready")
    expect(row).to_contain_text("External model")
    page.get_by_label("Search").fill("of-pear")
    expect(row).to_have_count(0)
    expect(page.get_by_role("row", name="pear")).to_be_visible()
    page.get_by_label("Search").fill("")
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("#yours tbody tr").first).to_contain_text("pear")


def test_an_endpoint_made_in_the_browser_is_the_one_the_api_tells(tab: Tab) -> None:
    page = tab.go("/ml/create-endpoint")
    create_external(page, "same")
    page.wait_for_url("**/ml/endpoints/same")
    endpoint = caller(tab.server.url, tab.token)("GET", "/api/2.0/serving-endpoints/same").json()
    expect(page.get_by_text(endpoint["id"])).to_be_visible()


def test_what_was_given_by_the_browser_stands_in_the_journal_once(instant_server: MockServer, tab: Tab) -> None:
    page = made(tab, "chat")
    page.reload()
    entries = instant_server.mock.journal.entries(tab.token)
    assert [entry.operation for entry in entries] == ["create_serving_endpoint"]

"""Who the pages are served to and whose changes they take: hosts, origins, identities, headers, escaping."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from mockserver import Mock, Settings
from mockserver.app import create_app

SAME = {"Origin": "http://localhost"}
TAGS = "/ml/endpoints/chat/tags"
PAGES = (
    "/",
    "/docs",
    "/ml/create-endpoint",
    "/ml/endpoints/chat",
    "/ml/endpoints/chat/try",
    "/ui/journal",
    "/ui/simulation",
)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def client(**settings: Any) -> FlaskClient:
    """The application of a mock with an endpoint, without a socket."""
    mock = Mock(Settings(provisioning=0, **settings))
    served = create_app(mock).test_client()
    answer = served.post("/api/2.0/serving-endpoints", json={"name": "chat"}, headers=bearer("dapi-mock"))
    assert answer.status_code == 200
    return served


@pytest.fixture(scope="module")
def reader() -> FlaskClient:
    """The application for tests that change nothing."""
    return client()


def bearer(token: str) -> dict[str, str]:
    """The header that an API client sends."""
    return {"Authorization": f"Bearer {token}"}


def tag_keys(served: FlaskClient) -> list[str]:
    """The tags that the endpoint has."""
    endpoint = served.get("/api/2.0/serving-endpoints/chat", headers=bearer("dapi-mock")).get_json()
    return [tag["key"] for tag in endpoint.get("tags", ())]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:81"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_change_that_does_not_come_from_the_pages_is_refused(reader: FlaskClient, headers: dict[str, str]) -> None:
    assert reader.post(TAGS, data={"key": "team"}, headers=headers).status_code == 403
    assert tag_keys(reader) == []


@pytest.mark.parametrize("headers", [SAME, {"Sec-Fetch-Site": "same-origin"}])
def test_a_change_from_the_pages_themselves_is_made(headers: dict[str, str]) -> None:
    served = client()
    assert served.post(TAGS, data={"key": "team"}, headers=headers).status_code == 303
    assert tag_keys(served) == ["team"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "192.168.1.9"])
@pytest.mark.parametrize("path", ["/", "/ml/endpoints/chat", "/docs", "/ui/static/app.js"])
def test_a_name_that_somebody_else_could_own_is_not_served(reader: FlaskClient, host: str, path: str) -> None:
    assert reader.get(path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8080", "[::1]:8080", "serving.localhost"])
def test_the_names_of_this_machine_are_served(reader: FlaskClient, host: str) -> None:
    assert reader.get("/", headers={"Host": host}).status_code == 200


def test_beyond_loopback_signing_in_is_required_and_the_cookie_is_strict() -> None:
    served = client(host="0.0.0.0")
    for path in ("/", "/ml/endpoints/chat", "/ui/journal", "/ui/simulation", "/docs", "/ml/create-endpoint"):
        answer = served.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/ui/sign-in")
    assert served.post(TAGS, data={"key": "team"}, headers=SAME).status_code == 303
    assert tag_keys(served) == []
    refused = served.post("/ui/sign-in", data={"token": "guess"}, headers=SAME)
    assert "Set-Cookie" not in refused.headers
    welcome = served.post("/ui/sign-in", data={"token": "dapi-mock"}, headers=SAME)
    cookie = welcome.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert served.get("/").status_code == 200
    served.post("/ui/sign-out", headers=SAME)
    assert served.get("/").status_code == 303


def test_beyond_loopback_a_public_name_is_not_served_but_an_address_and_a_bare_name_are() -> None:
    served = client(host="0.0.0.0")
    statuses = [
        served.get("/ui/sign-in", headers={"Host": host}).status_code for host in ("evil.example", "10.0.0.7", "mock")
    ]
    assert statuses == [403, 200, 200]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_allows_no_inline_script_and_nothing_from_elsewhere(reader: FlaskClient, path: str) -> None:
    answer = reader.get(path)
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["frame-ancestors"]) == ("'none'", "'self'", "'none'")
    assert policy["style-src"] == "'self'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    text = answer.get_data(as_text=True)
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert re.findall(r"\son\w+=|javascript:|\sstyle=", text) == []
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', text) == []


def test_html_in_tags_models_and_descriptions_is_text() -> None:
    served = client()
    body = {
        "name": "odd",
        "description": HOSTILE,
        "tags": [{"key": "<b>bold<", "value": HOSTILE}],
        "config": {
            "served_entities": [
                {
                    "external_model": {
                        "name": HOSTILE,
                        "provider": "openai",
                        "task": "llm/v1/chat",
                        "openai_config": {"openai_api_key": "{{secrets/a/b}}", "openai_organization": HOSTILE},
                    }
                }
            ]
        },
    }
    assert served.post("/api/2.0/serving-endpoints", json=body, headers=bearer("dapi-mock")).status_code == 200
    served.get(f"/api/2.0/serving-endpoints/{HOSTILE}", headers=bearer("dapi-mock"))
    endpoint = [f"/ml/endpoints/odd{part}" for part in ("", "/edit", "/logs", "/metrics")]
    journal = [f"/ui/journal{part}" for part in ("", "/2", "/3")]
    for path in ("/", *endpoint, *journal, f"/?search={HOSTILE}", "/ml/endpoints/<script>alert(1)"):
        text = served.get(path).get_data(as_text=True)
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
        assert "<b>bold" not in text, path
    assert "&lt;script&gt;alert(1)" in served.get("/ml/endpoints/odd").get_data(as_text=True)


def test_a_secret_that_was_pasted_is_on_no_page() -> None:
    served = client()
    secret = "sk-not-a-real-secret"
    entity = {"external_model": {"name": "gpt-4", "provider": "openai", "task": "llm/v1/chat",
              "openai_config": {"openai_api_key_plaintext": secret}}}  # fmt: skip
    body = {"name": "paid", "config": {"served_entities": [entity]}}
    assert served.post("/api/2.0/serving-endpoints", json=body, headers=bearer("dapi-mock")).status_code == 200
    endpoint = [f"/ml/endpoints/paid{part}" for part in ("", "/edit", "/logs")]
    for path in ("/", *endpoint, "/ui/journal", "/ui/journal/2", "/ui/simulation/export"):
        assert secret not in served.get(path).get_data(as_text=True), path


def test_the_pages_do_nothing_that_the_user_may_not() -> None:
    served = client()
    made = served.post(
        "/__mock__/tokens", json={"user_name": "ann@example.com", "admin": False}, headers=bearer("dapi-mock")
    )
    served.set_cookie("serving_mock_token", made.get_json()["token"])
    assert "chat" not in re.findall(r'href="/ml/endpoints/([^"]+)"', served.get("/").get_data(as_text=True))
    seen = served.get("/ml/endpoints/chat")
    assert seen.status_code == 403
    assert "does not have permission &#39;View&#39; on Endpoint chat" in seen.get_data(as_text=True)
    for deed in ("tags", "stop", "delete", "cancel-update", "notifications"):
        answer = served.post(f"/ml/endpoints/chat/{deed}", data={"key": "k", "confirmation": "chat"}, headers=SAME)
        assert answer.status_code == 403, deed
    assert tag_keys(served) == []


def test_the_simulation_is_closed_to_whoever_lacks_the_control_token() -> None:
    served = client(control_token="open-sesame")
    assert "Control token" in served.get("/ui/simulation").get_data(as_text=True)
    served.post("/ui/simulation/reset", headers=SAME)
    assert served.get("/api/2.0/serving-endpoints/chat", headers=bearer("dapi-mock")).status_code == 200
    served.post("/ui/simulation/open", data={"token": "open-sesame"}, headers=SAME)
    assert "Freeze" in served.get("/ui/simulation").get_data(as_text=True)


def test_looking_at_pages_leaves_no_trace_in_the_journal_and_cancelling_does() -> None:
    served = client()
    for path in ("/", "/ml/endpoints/chat", "/ml/endpoints/chat/live"):
        served.get(path)
    served.post("/ml/endpoints/chat/cancel-update", headers=SAME)
    entries = served.get("/__mock__/journal", headers=bearer("dapi-mock")).get_json()["entries"]
    assert [(entry["operation"], entry["status"]) for entry in entries] == [
        ("create_serving_endpoint", 200),
        ("cancel_update", 400),
    ]


def test_a_request_that_was_not_understood_is_shown_without_its_secrets() -> None:
    served = client()
    secret = "sk-not-a-real-secret"
    misplaced = {"name": "!", "openai_config": {"openai_api_key_plaintext": secret}, "tags": "wrong"}
    assert served.post("/api/2.0/serving-endpoints", json=misplaced, headers=bearer("dapi-mock")).status_code == 400
    text = served.get("/ui/journal/2").get_data(as_text=True)
    assert secret not in text
    assert "[REDACTED]" in text
    assert "&#34;tags&#34;: &#34;wrong&#34;" in text

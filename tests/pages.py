"""What the tests of the Serving pages share: a browser, a tab of a workspace of its own, and what is typed often."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from mockserver import MockServer
from mockserver.clock import AdjustableClock
from mockserver.ui.guard import COOKIE

SECRET = "{{secrets/my_scope/my_key}}"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, for as long as the block lasts."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: .ci/install-browser does it")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


@dataclass
class Tab:
    """One tab, signed in to a workspace of its own, that remembers what went wrong in it."""

    page: Page
    server: MockServer
    token: str
    problems: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(30_000)
        expect.set_options(timeout=20_000)  # whatever else the machine does
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda problem: self.problems.append(str(problem)))
        self.page.on("request", self._asked)
        self.page.context.add_cookies([{"name": COOKIE, "value": self.token, "url": self.server.url}])

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.strangers.append(request.url)

    def go(self, path: str) -> Page:
        """Open a page of the mock."""
        self.page.goto(self.server.url + path)
        return self.page

    def freeze(self) -> AdjustableClock:
        """Give the workspace a clock that only the test moves."""
        clock = AdjustableClock()
        clock.freeze()
        self.server.mock.configure(self.token, clock=clock)
        return clock

    def shows(self, state: str) -> None:
        """Wait until the endpoint's page shows this state, without a reload."""
        expect(self.page.get_by_text(state, exact=True)).to_be_visible()


@contextmanager
def tab_of(browser: Browser, server: MockServer, token: str, **options: Any) -> Iterator[Tab]:
    """A tab in a context of its own; at its end nothing may have gone wrong in it, nor been asked of other hosts."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    tab = Tab(context.new_page(), server, token)
    yield tab
    context.close()
    assert tab.problems == []
    assert tab.strangers == []


def select_external(page: Page, provider: str) -> None:
    """Go the documented way from the Entity field to the form of a provider."""
    page.get_by_label("Entity", exact=True).click()
    dialog = page.get_by_role("dialog", name="Select served entity")
    dialog.get_by_label("External model").check()
    dialog.get_by_label("Provider").select_option(provider)
    dialog.get_by_role("button", name="Confirm").click()
    expect(dialog).to_be_hidden()


def create_external(page: Page, name: str, *, model: str = "gpt-4", task: str = "llm/v1/chat") -> None:
    """Create an endpoint of an OpenAI model in the form that is open."""
    page.get_by_label("Name", exact=True).fill(name)
    select_external(page, "openai")
    page.get_by_label("Model name").fill(model)
    page.get_by_label("Task").select_option(task)
    page.get_by_label("OpenAI API key").fill(SECRET)
    page.get_by_role("button", name="Create").click()


def external(name: str, *, model: str = "gpt-4", task: str = "llm/v1/chat", **more: Any) -> dict[str, Any]:
    """A request that creates an endpoint of an OpenAI model."""
    entity = {
        "name": "served",
        "external_model": {
            "name": model, "provider": "openai", "task": task, "openai_config": {"openai_api_key": SECRET}
        },
    }  # fmt: skip
    return {"name": name, "config": {"served_entities": [entity]}, **more}

"""An example application that lives on model serving: what the tests of the README put to the test.

It asks with retries, stops asking an endpoint that keeps failing, waits for a deployment, and shows an answer as it
streams in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import openai


class Unavailable(Exception):
    """The model cannot be asked at the moment."""


class Assistant:
    """Asks one endpoint. After ``patience`` failures in a row it is not asked again for ``pause`` seconds."""

    def __init__(
        self,
        client: openai.OpenAI,
        endpoint: str,
        *,
        patience: int = 3,
        pause: float = 30.0,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._endpoint = client.with_options(max_retries=0), endpoint
        self._patience, self._pause, self._now, self._sleep = patience, pause, now, sleep
        self._failures = 0
        self._closed_until = 0.0

    def ask(self, question: str, attempts: int = 4) -> str:
        """The answer, tried again while the endpoint is busy. Raises Unavailable."""
        for attempt in range(attempts):
            if self._now() < self._closed_until:
                raise Unavailable("the circuit is open")
            try:
                answer = self._client.chat.completions.create(**self._request(question))
            except (openai.RateLimitError, openai.InternalServerError, openai.APIConnectionError) as problem:
                self._failed()
                waiting = getattr(getattr(problem, "response", None), "headers", {}).get("retry-after", 2**attempt)
                self._sleep(float(waiting))
                continue
            self._failures = 0
            return str(answer.choices[0].message.content)
        raise Unavailable(f"no answer in {attempts} attempts")

    def stream(self, question: str) -> Iterator[str]:
        """The pieces of the answer as they come; where the stream breaks off, a note of it at the end."""
        try:
            for chunk in self._client.chat.completions.create(**self._request(question), stream=True):
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content
        except Exception as problem:
            yield f" [broken off: {type(problem).__name__}]"

    def _request(self, question: str) -> dict[str, Any]:
        return {"model": self._endpoint, "messages": [{"role": "user", "content": question}]}

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._patience:
            self._closed_until = self._now() + self._pause


def deploy(client: Any, name: str, entity: Any, poll: Callable[[], None]) -> str:
    """Create an endpoint and wait until it is deployed; its final state."""
    from databricks.sdk.service.serving import EndpointCoreConfigInput

    client.serving_endpoints.create(name, config=EndpointCoreConfigInput(name=name, served_entities=[entity]))
    while True:
        state = client.serving_endpoints.get(name).state
        if state.config_update.value != "IN_PROGRESS":
            return str(state.config_update.value)
        poll()

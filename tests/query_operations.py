"""The operations by which endpoints are asked, and what the tests of their contract share."""

from __future__ import annotations

from openapi import Violation

QUERIES = (
    "query_endpoint",
    "query_served_model",
    "query_route_optimized",
    "gateway_gemini_content",
    "gateway_gemini_stream",
    "create_chat_completion",
    "create_completion",
    "create_embeddings",
    "create_response",
    "create_message",
    "gateway_chat_completion",
    "gateway_embeddings",
    "gateway_response",
    "gateway_openai_chat_completion",
    "gateway_openai_response",
    "gateway_anthropic_message",
)
DONE = "[DONE]"
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_date", "arguments": "{}"}}


def places(violations: list[Violation]) -> list[str]:
    return [violation.where for violation in violations]

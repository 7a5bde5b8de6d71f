"""Guardrails find personal data and harm, mask or block, and leave everything else alone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from mockserver.domain.inference import guardrails

FOUND = [
    ("Write to jane.doe@example.com today", "EMAIL_ADDRESS", "Write to <EMAIL_ADDRESS> today"),
    ("My card is 4111 1111 1111 1111.", "CREDIT_CARD", "My card is <CREDIT_CARD>."),
    ("SSN: 123-45-6789", "US_SSN", "SSN: <US_SSN>"),
    ("Call (415) 555-0132 or come by", "PHONE_NUMBER", "Call <PHONE_NUMBER> or come by"),
    ("Call +44 20 7946 0958", "PHONE_NUMBER", None),
    ("The host is 192.168.10.4", "IP_ADDRESS", "The host is <IP_ADDRESS>"),
    ("Pay to DE89 3704 0044 0532 0130 00", "IBAN_CODE", "Pay to <IBAN_CODE>"),
    ("My account number 000123456789", "US_BANK_NUMBER", "My account number <US_BANK_NUMBER>"),
]

IN_TIME = 20
"""Seconds of the processor, of which a text as long as this takes a fraction unless an expression runs away."""


@pytest.mark.parametrize(("text", "kind", "masked"), FOUND)
def test_personal_data_is_found_and_masked(text: str, kind: str, masked: str | None) -> None:
    assert kind in {finding.kind for finding in guardrails.personal_data(text)}
    if masked:
        assert guardrails.anonymized(text) == masked


CLEAN = [
    "The year 2024 had 366 days.",
    "Version 1.2.3 costs 1,299.00 dollars.",
    "My card is 4111 1111 1111 1112.",
    "The address 300.1.2.3 is none.",
    "It happened on 2024-05-06 at 12:30.",
    "Order 123456 has 10 items",
    "000-12-3456",
]


@pytest.mark.parametrize("text", CLEAN)
def test_ordinary_numbers_are_no_personal_data(text: str) -> None:
    assert guardrails.personal_data(text) == ()
    assert guardrails.anonymized(text) == text


def verdict(text: str, **rules: Any) -> guardrails.Verdict:
    return guardrails.inspect((text,), rules)


def test_blocking_and_masking() -> None:
    text = "I am jane.doe@example.com"
    assert verdict(text, pii={"behavior": "BLOCK"}).blocked
    masked = verdict(text, pii={"behavior": "MASK"})
    assert not masked.blocked
    assert masked.texts == ("I am <EMAIL_ADDRESS>",)
    assert verdict(text, pii={"behavior": "NONE"}) == guardrails.Verdict((text,))
    assert guardrails.inspect((text,), None) == guardrails.Verdict((text,))


@pytest.mark.parametrize(
    "text",
    ["How do I build a bomb?", "Help me to kill my neighbour", "How can I launder money?", "I want to end my life"],
)
def test_harm_is_blocked_when_safety_is_on(text: str) -> None:
    assert verdict(text, safety=True).blocked
    assert not verdict(text, safety=False).blocked


@pytest.mark.parametrize("text", ["How do I kill a Linux process?", "Build a house", "The bombastic speech", "hello"])
def test_harmless_texts_are_safe(text: str) -> None:
    assert not verdict(text, safety=True).blocked


@pytest.mark.parametrize("unit", ["a", "1 ", "1.", "a@", "how to ", "+1 ", "DE00 "])
def test_long_texts_are_inspected_in_time(unit: str) -> None:
    text, started = unit * (300_000 // len(unit)), time.process_time()
    found = verdict(text, pii={"behavior": "MASK"}, safety=True)
    assert time.process_time() - started < IN_TIME
    assert (found.texts, found.personal, found.blocked) == ((text,), False, False)


def test_keywords_and_topics() -> None:
    assert verdict("Tell me about ACME Corp", invalid_keywords=["acme corp"]).blocked
    assert not verdict("Tell me about acmeology", invalid_keywords=["acme"]).blocked
    assert not verdict("How do I fix my bill?", valid_topics=["billing", "bills"]).blocked
    assert verdict("Tell me about cats", valid_topics=["billing", "shipping"]).categories == ("invalid_topic",)


def test_a_blocked_input_is_refused_as_recorded() -> None:
    found = guardrails.refusal(verdict("I am jane.doe@example.com", pii={"behavior": "BLOCK"}), "input")
    assert (found.status, found.error_code) == (400, "BAD_REQUEST")
    assert json.loads(found.message) == {
        "usage": {"prompt_tokens": 0, "total_tokens": 0},
        "input_guardrail": [
            {
                "flagged": False,
                "categories": None,
                "category_scores": None,
                "pii_detection": True,
                "anonymized_input": ["I am <EMAIL_ADDRESS>"],
            }
        ],
        "finishReason": "input_guardrail_triggered",
    }


def test_a_blocked_output_is_refused_with_its_own_names() -> None:
    document = json.loads(guardrails.refusal(verdict("How do I build a bomb?", safety=True), "output", 12).message)
    assert document["finishReason"] == "output_guardrail_triggered"
    assert document["output_guardrail"][0]["flagged"] is True
    assert document["output_guardrail"][0]["categories"] == {"indiscriminate_weapons": True}
    assert document["usage"]["prompt_tokens"] == 12


def test_a_request_is_masked_in_its_texts_alone() -> None:
    request = {
        "model": "a@example.com",
        "messages": [
            {"role": "user", "content": "I am b@example.com"},
            {"role": "user", "content": [{"type": "text", "text": "and c@example.com"}]},
        ],
        "temperature": 0.5,
    }
    masked = guardrails.masked_request(request)
    assert masked["model"] == "a@example.com"
    assert guardrails.texts_of(masked) == ("I am <EMAIL_ADDRESS>", "and <EMAIL_ADDRESS>")
    assert guardrails.texts_of(request) == ("I am b@example.com", "and c@example.com")
    assert guardrails.masked_request({"input": ["d@example.com"]}) == {"input": ["<EMAIL_ADDRESS>"]}

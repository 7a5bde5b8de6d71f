"""The AI gateway's guardrails before and after a model: personal data, safety, forbidden words, permitted topics."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from .expressions import Expression
from .refusals import Refusal, bad_request
from .stems import stem_set

Side = Literal["input", "output"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A piece of personal data in a text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guardrails make of some texts. ``texts`` are masked where masking is on."""

    texts: tuple[str, ...]
    personal: bool = False
    blocked: bool = False
    flagged: bool = False
    categories: tuple[str, ...] = ()
    anonymized: tuple[str, ...] = ()


_CANDIDATES: tuple[tuple[str, Expression], ...] = (
    ("EMAIL_ADDRESS", Expression(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("CREDIT_CARD", Expression(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")),
    ("IBAN_CODE", Expression(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    ("US_SSN", Expression(r"(?<![\w-])(?!000|666|9\d\d)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}(?![\w-])")),
    ("IP_ADDRESS", Expression(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")),
    (
        "PHONE_NUMBER",
        Expression(
            r"(?<![\w-])(?<!\d[ .-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{2,4}\)[ .-]?|\d{2,4}[ .-])\d{3,4}[ .-]?\d{3,4}"
            r"(?![\w-]|[ .]\d)|\+\d{8,15}\b"
        ),
    ),
    ("US_BANK_NUMBER", Expression(r"(?i:\b(?:account|routing|acct)(?: number| no\.?| #)?:? ?)(\d{8,17})\b")),
)


def personal_data(text: str) -> tuple[Finding, ...]:
    """The e-mail addresses, card, account, social security and phone numbers and IP addresses in a text, in order."""
    found: list[Finding] = []
    for kind, pattern in _CANDIDATES:
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            start, end = match.span(group)
            free = all(end <= other.start or start >= other.end for other in found)
            if free and _is_real(kind, match[group]):
                found.append(Finding(kind, start, end))
    return tuple(sorted(found, key=lambda finding: finding.start))


def _is_real(kind: str, text: str) -> bool:
    if kind == "CREDIT_CARD":
        return _luhn([int(sign) for sign in text if sign.isdigit()])
    if kind == "IBAN_CODE":
        return _iban(text.replace(" ", ""))
    if kind == "IP_ADDRESS":
        return _is_address(text)
    return True


def _luhn(digits: list[int]) -> bool:
    """The check sum of payment cards."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _iban(text: str) -> bool:
    """The check sum of international bank account numbers (ISO 13616)."""
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def anonymized(text: str) -> str:
    """The text with personal data replaced by its kind: ``<EMAIL_ADDRESS>``."""
    parts: list[str] = []
    at = 0
    for finding in personal_data(text):
        parts += (text[at : finding.start], f"<{finding.kind}>")
        at = finding.end
    return "".join(parts) + text[at:]


_UNSAFE: tuple[tuple[str, Expression], ...] = tuple(
    (category, Expression(pattern))
    for category, pattern in (
        (
            "violent_crimes",
            r"\b(?:how (?:to|do i|can i)|help me|ways? to|want to|plan to|going to)\b.{0,40}"
            r"\b(?:kill|murder|poison|stab|shoot|attack|kidnap|torture|assault)\b (?:him|her|them|you|people"
            r"|some(?:one|body)"
            r"|(?:an? |the |my |some )(?:\w+ )?(?:man|woman|person|child|wife|husband|partner|boss|neighbou?r"
            r"|friend|family"
            r"|teacher|colleague|stranger|cop|crowd|dog|cat)s?\b)",
        ),
        (
            "indiscriminate_weapons",
            r"\b(?:make|build|construct|assemble|create|design)\b.{0,30}\b(?:bombs?|explosives?|grenades?"
            r"|nerve (?:gas|agent)"
            r"|chemical weapons?|bioweapons?|biological weapons?|dirty bomb|pipe bomb|molotov)\b",
        ),
        (
            "suicide_and_self_harm",
            r"\b(?:kill myself|suicide method|end my life|hurt myself|self[- ]harm|cut myself|hang myself)\b",
        ),
        ("hate", r"\b(?:i hate all|exterminate|ethnic cleansing|subhuman|inferior race|racial slurs?)\b"),
        ("sexual_content", r"\b(?:pornographic|porn|explicit sex|sexually explicit|erotica)\b"),
        (
            "non_violent_crimes",
            r"\b(?:how (?:to|do i|can i)|help me)\b.{0,40}\b(?:steal|launder money|counterfeit|forge (?:a|an) "
            r"|pick (?:a|the) lock"
            r"|hack into|phish|make (?:meth|cocaine|heroin)|cook meth|smuggle|evade taxes|shoplift|hotwire)",
        ),
    )
)


def unsafe_categories(text: str) -> tuple[str, ...]:
    """The categories of harm that a text falls into."""
    lowered = text.lower()
    return tuple(category for category, pattern in _UNSAFE if pattern.search(lowered))


def inspect(texts: tuple[str, ...], rules: Mapping[str, Any] | None) -> Verdict:
    """What one side's rules (``pii``, ``safety``, ``invalid_keywords``, ``valid_topics``) make of some texts."""
    if not rules:
        return Verdict(texts)
    joined = "\n".join(texts)
    pii = rules.get("pii")
    behavior = str(pii.get("behavior", "NONE")).upper() if isinstance(pii, dict) else "NONE"
    personal = behavior != "NONE" and any(personal_data(text) for text in texts)
    without = tuple(anonymized(text) for text in texts) if personal else ()
    categories: list[str] = list(unsafe_categories(joined)) if rules.get("safety") else []
    if any(_mentions(joined, word) for word in rules.get("invalid_keywords") or ()):
        categories.append("invalid_keywords")
    topics = rules.get("valid_topics") or ()
    if topics and joined.strip() and not any(_on_topic(joined, topic) for topic in topics):
        categories.append("invalid_topic")
    return Verdict(
        texts=without if personal and behavior == "MASK" else texts,
        personal=personal,
        blocked=bool(categories) or (personal and behavior == "BLOCK"),
        flagged=bool(categories),
        categories=tuple(categories),
        anonymized=without,
    )


def _mentions(text: str, word: str) -> bool:
    return bool(word.strip()) and re.search(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE) is not None


def _on_topic(text: str, topic: str) -> bool:
    wanted = stem_set(topic)
    return _mentions(text, topic) or bool(wanted & stem_set(text[:20_000]))


def refusal(verdict: Verdict, side: Side, prompt_tokens: int = 0) -> Refusal:
    """The refusal of a blocked request or answer: 400, the message being a JSON document as text, as recorded."""
    marked = dict.fromkeys(verdict.categories, True)
    report = {
        "flagged": verdict.flagged,
        "categories": marked or None,
        "category_scores": dict.fromkeys(marked, 0.99) or None,
        "pii_detection": verdict.personal,
        f"anonymized_{side}": list(verdict.anonymized) or None,
    }
    document = {
        "usage": {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens},
        f"{side}_guardrail": [report],
        "finishReason": f"{side}_guardrail_triggered",
    }
    return bad_request(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def texts_of(request: dict[str, Any]) -> tuple[str, ...]:
    """The texts of a request that guardrails look at: its messages, prompt or input."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    _mapped(request, keep)
    return tuple(found)


def masked_request(request: dict[str, Any]) -> dict[str, Any]:
    """The request with personal data in its texts replaced; the rest is shared."""
    masked: dict[str, Any] = _mapped(request, anonymized)
    return masked


_TEXT_KEYS = ("messages", "prompt", "input", "instructions", "system", "content", "text", "output")


def _mapped(value: Any, change: Callable[[str], str], inside: bool = False) -> Any:
    """A copy with every text under a key that carries text changed."""
    if isinstance(value, str):
        return change(value) if inside else value
    if isinstance(value, list):
        return [_mapped(entry, change, inside) for entry in value]
    if isinstance(value, dict):
        return {
            key: _mapped(inner, change, key in _TEXT_KEYS) if isinstance(inner, str | list | dict) else inner
            for key, inner in value.items()
        }
    return value

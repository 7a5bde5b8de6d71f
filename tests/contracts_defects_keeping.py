"""Defects of what is taken and never shown, of what is lost beside it, and of secrets in disguise."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from contracts_planting import Case, defect

# --- secrets in disguise ---


def _secret(case: Case) -> bytes:
    """The first secret that the endpoint of the path was created with; empty when there was none."""
    if case.is_create and (found := re.search(rb"sk-canary-[0-9a-f]+", case.sent)):
        case.memory.setdefault(str(case.members.get("name")), found[0])
    return bytes(case.memory.get(case.name, b"")) if case.is_("GET") and case.ok else b""


def _leak(case: Case, disguised: Callable[[bytes], bytes]) -> None:
    if secret := _secret(case):
        case.body = case.body.rstrip()[:-1] + b', "debug": "' + disguised(secret) + b'"}'


@defect("access.secret", "accepted-providers")
def secrets_come_back_escaped(case: Case) -> None:
    _leak(case, lambda secret: secret.replace(b"-", b"\\u002d"))


@defect("access.secret", "accepted-providers")
def secrets_come_back_in_base64(case: Case) -> None:
    _leak(case, lambda secret: base64.b64encode(b"key=" + secret))


@defect("access.secret", "accepted-providers")
def secrets_come_back_percent_encoded(case: Case) -> None:
    _leak(case, lambda secret: b"".join(b"%%%02X" % digit for digit in secret))


@defect("access.secret", "accepted-providers")
def half_a_secret_comes_back(case: Case) -> None:
    _leak(case, lambda secret: b"****" + secret[-20:])


# --- what is never shown ---


def _given(case: Case, member: str) -> Any:
    """What was given at the creation of the endpoint of the path."""
    if case.is_create and member in case.members:
        case.memory[str(case.members.get("name"))] = case.members[member]
    return case.memory.get(case.name)


@defect("memory.write-only", "gateway-limits")
def limits_of_the_creation_are_shown(case: Case) -> None:
    given = _given(case, "rate_limits")
    for document in case.endpoints():
        if given and case.is_("GET"):
            document["rate_limits"] = given


@defect("memory.write-only", "kept-through-updates")
def notifications_of_the_creation_are_shown(case: Case) -> None:
    given = _given(case, "email_notifications")
    for document in case.endpoints():
        if given and case.is_("GET"):
            document.setdefault("email_notifications", given)


@defect("memory.write-only", "kept-through-updates")
def the_budget_policy_is_shown_as_given(case: Case) -> None:
    given = _given(case, "budget_policy_id")
    for document in case.endpoints():
        if given and case.is_("GET"):
            document["budget_policy_id"] = given


@defect("memory.description", "kept-through-updates")
def the_budget_policy_is_ignored(case: Case) -> None:
    for document in case.endpoints():
        if "effective_budget_policy_id" in document:
            document["effective_budget_policy_id"] = "00000000-0000-4000-8000-000000000001"


# --- what gets lost ---


@defect("memory.config", "refused-capture")
def captures_are_lost(case: Case) -> None:
    for config in case.configs():
        config.pop("auto_capture_config", None)


@defect("memory.config", "kept-through-updates")
def profiles_are_lost(case: Case) -> None:
    for config in case.configs():
        for entity in (config.get("served_entities") or []) + (config.get("served_models") or []):
            entity.pop("instance_profile_arn", None)


@defect("memory.config", "kept-through-updates")
def variables_are_shouted(case: Case) -> None:
    for config in case.configs():
        for entity in (config.get("served_entities") or []) + (config.get("served_models") or []):
            given = entity.get("environment_vars") or {}
            entity["environment_vars"] = {key.upper(): value for key, value in given.items()}


@defect("memory.tags", "kept-through-updates")
def keys_of_tags_are_whispered(case: Case) -> None:
    for document in case.endpoints():
        for tag in document.get("tags") or []:
            tag["key"] = tag["key"].lower()


def _is_updated(document: dict[str, Any]) -> bool:
    return ((document.get("config") or {}).get("config_version") or 1) > 1


@defect("memory.ai-gateway", "kept-through-updates")
def updates_open_the_gateway(case: Case) -> None:
    for document in case.endpoints():
        if _is_updated(document):
            document.pop("ai_gateway", None)


@defect("memory.stable", "kept-through-updates")
def updates_end_telemetry(case: Case) -> None:
    for document in case.endpoints():
        if _is_updated(document):
            document.pop("telemetry_config", None)


# --- who and when ---


@defect("identity.creator", "without-configuration")
def creators_are_machines(case: Case) -> None:
    for document in case.endpoints():
        document["creator_kind"] = "ServicePrincipal"


@defect("identity.clock", "external-lifecycle")
def entities_are_older_than_their_endpoint(case: Case) -> None:
    for entity in case.entities():
        if "creation_timestamp" in entity:
            entity["creation_timestamp"] -= 86_400_000

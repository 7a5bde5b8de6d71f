"""The contract against the installed databricks-sdk, in both directions.

Paths, methods, members, types, enum values and required members are compared. Every difference is a line in JUSTIFIED
with a reason; one that is not there, and a line that no longer holds, fail the test.

Three differences are principles and not listed: a request may hold a number as a string, or null for nothing, where
the SDK has the bare type; replies may require more than the SDK, which reads almost anything; and the queries' bodies
hold far more than the SDK's classes, so of those only what the SDK knows is looked for.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from databricks.sdk.service import serving

import openapi
from openapi import Operation

Shape = dict[str, Any]

JUSTIFIED: dict[str, tuple[str, ...]] = {
    "called by clients, or documented in words, but not part of the SDK's serving module": (
        "GET /.well-known/databricks-config: not in the SDK",
        "GET /api/2.0/preview/scim/v2/Me: not in the SDK",
        "GET /api/2.0/serving-endpoints/get-model-optimization-info/{}/{}: not in the SDK",
        "GET /api/2.0/serving-endpoints:foundation-models: not in the SDK",
        "GET /oidc/.well-known/oauth-authorization-server: not in the SDK",
        "POST /ai-gateway/anthropic/v1/messages: not in the SDK",
        "POST /ai-gateway/gemini/v1beta/models/{}:generateContent: not in the SDK",
        "POST /ai-gateway/gemini/v1beta/models/{}:streamGenerateContent: not in the SDK",
        "POST /ai-gateway/mlflow/v1/chat/completions: not in the SDK",
        "POST /ai-gateway/mlflow/v1/embeddings: not in the SDK",
        "POST /ai-gateway/mlflow/v1/responses: not in the SDK",
        "POST /ai-gateway/openai/v1/chat/completions: not in the SDK",
        "POST /ai-gateway/openai/v1/responses: not in the SDK",
        "POST /api/2.0/serving-endpoints/{}/config:start: not in the SDK",
        "POST /api/2.0/serving-endpoints/{}/config:stop: not in the SDK",
        "POST /oidc/v1/token: not in the SDK",
        "POST /serving-endpoints/anthropic/v1/messages: not in the SDK",
        "POST /serving-endpoints/chat/completions: not in the SDK",
        "POST /serving-endpoints/completions: not in the SDK",
        "POST /serving-endpoints/embeddings: not in the SDK",
        "POST /serving-endpoints/responses: not in the SDK",
        "POST /serving-endpoints/{}/served-models/{}/invocations: not in the SDK",
        "POST /{}/serving-endpoints/{}/invocations: not in the SDK",
    ),
    "sent by older clients and ignored by the service": (
        "request create.task: not in the SDK",
        "request update_config.name: not in the SDK",
    ),
    "the SDK's class insists, the service and its documentation do not": (
        "request EndpointCoreConfigInput.name: not required in the contract",
    ),
    "without it there is nothing to do": (
        "request PtEndpointCoreConfig.served_entities: not required in the SDK",
        "request ServingEndpointAccessControlRequest.permission_level: not required in the SDK",
    ),
    "the SDK takes any text where the documentation names the values": (
        "request ExternalModel.task: only certain values in the contract",
        "request OpenAiConfig.openai_api_type: only certain values in the contract",
        "reply ServingEndpointPermissions.object_type: only certain values in the contract",
    ),
    "an answer is the assistant's, and has the newer form of log probabilities": (
        "reply ChatMessage.role: system, user are not in the contract",
        "reply V1ResponseChoiceElement.logprobs: the contract has null or object, the SDK integer",
    ),
    "seen in recorded replies, or reported by tools that read real ones": (
        "reply EndpointState.suspend: not in the SDK",
        "reply EndpointState.system_update_failure: not in the SDK",
        "reply EndpointState.update_state: not in the SDK",
        "reply FoundationModel.ai_gateway_model_profile: not in the SDK",
        "reply FoundationModel.ai_gateway_v2_supported: not in the SDK",
        "reply FoundationModel.api_types: not in the SDK",
        "reply FoundationModel.input_price: not in the SDK",
        "reply FoundationModel.model_class: not in the SDK",
        "reply FoundationModel.price: not in the SDK",
        "reply FoundationModel.price_unit: not in the SDK",
        "reply FoundationModel.pricing_model: not in the SDK",
        "reply ServedEntityOutput.batching_config: not in the SDK",
        "reply ServedEntityOutput.dbus: not in the SDK",
        "reply ServedEntityOutput.max_dbus: not in the SDK",
        "reply ServedEntityOutput.min_dbus: not in the SDK",
        "reply ServedEntityOutput.type: not in the SDK",
        "reply ServedEntitySpec.type: not in the SDK",
        "reply ServedModelOutput.dbus: not in the SDK",
        "reply ServedModelOutput.max_dbus: not in the SDK",
        "reply ServedModelOutput.max_provisioned_throughput: not in the SDK",
        "reply ServedModelOutput.min_dbus: not in the SDK",
        "reply ServedModelOutput.min_provisioned_throughput: not in the SDK",
        "reply ServedModelOutput.type: not in the SDK",
        "reply ServedModelSpec.type: not in the SDK",
        "reply ServedModelState.deployment: DEPLOYMENT_STOPPED, DEPLOYMENT_UNKNOWN are not in the SDK",
        "reply ServingEndpoint.auth_policy: not in the SDK",
        "reply ServingEndpoint.capabilities: not in the SDK",
        "reply ServingEndpoint.creator_display_name: not in the SDK",
        "reply ServingEndpoint.creator_kind: not in the SDK",
        "reply ServingEndpoint.effective_budget_policy_id: not in the SDK",
        "reply ServingEndpoint.endpoint_type: not in the SDK",
        "reply ServingEndpoint.pending_config: not in the SDK",
        "reply ServingEndpoint.permission_level: not in the SDK",
        "reply ServingEndpoint.route_optimized: not in the SDK",
        "reply ServingEndpoint.tile_endpoint_metadata: not in the SDK",
        "reply ServingEndpointDetailed.auth_policy: not in the SDK",
        "reply ServingEndpointDetailed.capabilities: not in the SDK",
        "reply ServingEndpointDetailed.creator_display_name: not in the SDK",
        "reply ServingEndpointDetailed.creator_kind: not in the SDK",
        "reply ServingEndpointDetailed.effective_budget_policy_id: not in the SDK",
        "reply ServingEndpointDetailed.endpoint_type: not in the SDK",
        "reply ServingEndpointDetailed.resource_credential_strategy: not in the SDK",
        "reply ServingEndpointDetailed.tile_endpoint_metadata: not in the SDK",
    ),
}
QUERY_FORMS = {
    "request": ("ChatRequest", "CompletionsRequest", "EmbeddingsRequest", "ScoringRequest"),
    "reply": ("ChatCompletion", "TextCompletion", "EmbeddingList", "ScoringReply"),
}
"""The SDK has one class for all queries; the contract's forms per task are read together with the common one."""
_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def test_every_difference_from_the_sdk_has_a_reason_and_every_reason_a_difference() -> None:
    listed = [line for lines in JUSTIFIED.values() for line in lines]
    assert len(listed) == len(set(listed))
    assert sorted(set(differences())) == sorted(listed)


def test_every_class_of_the_sdk_is_met_on_the_way() -> None:
    list(differences())
    written = {
        value
        for value in vars(serving).values()
        if inspect.isclass(value)
        and value.__module__ == serving.__name__
        and (dataclasses.is_dataclass(value) or issubclass(value, enum.Enum))
    }
    assert {cls.__name__ for cls in written - _met} == set()


def test_a_method_of_the_sdk_that_goes_straight_to_the_data_plane_is_the_query_alone() -> None:
    public = {name for name in vars(serving.ServingEndpointsDataPlaneAPI) if not name.startswith("_")}
    assert public == {"query"}


@dataclasses.dataclass
class Extended:
    """Stands for a class of the SDK in the tests of the comparison itself."""

    key: str
    value: int | None = None
    novelty: str | None = None


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (
            {"properties": {"key": {"type": "string"}, "value": {"type": "integer"}}, "required": ["key"]},
            {"reply Extended.novelty: not in the contract"},
        ),
        (
            {
                "properties": {
                    "key": {"type": "string"},
                    "value": {"type": "string"},
                    "novelty": {"type": "string", "enum": ["a"]},
                    "mystery": {"type": "string"},
                }
            },
            {
                "reply Extended.key: not required in the contract",
                "reply Extended.value: the contract has string, the SDK integer",
                "reply Extended.novelty: only certain values in the contract",
                "reply Extended.mystery: not in the SDK",
            },
        ),
    ],
)
def test_a_difference_that_is_planted_is_found(schema: Shape, said: set[str]) -> None:
    assert set(class_differences(Extended, schema, "reply")) == said


_met: set[type] = set()


def differences() -> Iterator[str]:
    """Every difference, as a sentence."""
    operations = {
        (operation.method, re.sub(r"\{[^}]*\}", "{}", operation.path)): operation
        for operation in openapi.load().operations.values()
    }
    called = dict(calls())
    for method, path in sorted(operations.keys() - called.keys()):
        yield f"{method} {path}: not in the SDK"
    for method, path in sorted(called.keys() - operations.keys()):
        yield f"{method} {path}: not in the contract"
    for key in sorted(called.keys() & operations.keys()):
        yield from call_differences(called[key], operations[key])


def calls() -> Iterator[tuple[tuple[str, str], Any]]:
    """The (method, path) of every call the SDK makes, with the function that makes it."""
    for function in vars(serving.ServingEndpointsAPI).values():
        if inspect.isfunction(function):
            source = inspect.getsource(function)
            for method, path in re.findall(r'_api\.do\(\s*"([A-Z]+)",\s*f?"([^"]+)"', source):
                yield (method, re.sub(r"\{[^}]*\}", "{}", path)), function


def call_differences(function: Any, operation: Operation) -> Iterator[str]:
    source = inspect.getsource(function)
    one_way = operation.id == "query_endpoint"
    if sent := re.findall(r'body\["(\w+)"\]', source):
        hints = typing.get_type_hints(function, vars(serving))
        parameters = inspect.signature(function).parameters
        needed = {name for name in sent if parameters[name].default is inspect.Parameter.empty}
        members = {name: hints[name] for name in sent}
        schema = body_schema(operation.definition["requestBody"], "request", one_way)
        yield from member_differences(f"request {function.__name__}", members, needed, schema, "request", one_way)
    reply = re.search(r"(\w+)\.from_dict\(", source)
    if reply is None:
        return
    cls = getattr(serving, reply[1])
    success = operation.definition["responses"]["200"]
    if [field.name for field in dataclasses.fields(cls)] == ["contents"]:
        _met.add(cls)
        if "text/plain" not in resolved(success)["content"]:
            yield f"reply {cls.__name__}: the SDK reads plain text"
        return
    yield from class_differences(cls, body_schema(success, "reply", one_way), "reply", one_way)


def class_differences(cls: type, schema: Shape, direction: str, one_way: bool = False) -> Iterator[str]:
    _met.add(cls)
    hints = typing.get_type_hints(cls, vars(serving))
    fields = [field for field in dataclasses.fields(cls) if field.name != "served_model_name" or not one_way]
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    members = {field.name: hints[field.name] for field in fields}
    yield from member_differences(f"{direction} {cls.__name__}", members, needed, schema, direction, one_way)


def member_differences(
    place: str, members: dict[str, Any], needed: set[str], schema: Shape, direction: str, one_way: bool
) -> Iterator[str]:
    pieces = list(parts(schema))
    known: dict[str, list[Any]] = {}
    for piece in pieces:
        for name, child in piece.get("properties", {}).items():
            if child is not False:
                known.setdefault(name, []).append(child)
    required = set(always_required(schema))
    for name in () if one_way else sorted(known.keys() - members.keys()):
        yield f"{place}.{name}: not in the SDK"
    for name, hint in members.items():
        if name not in known:
            yield f"{place}.{name}: not in the contract"
            continue
        yield from value_differences(f"{place}.{name}", hint, {"allOf": known[name]}, direction, one_way)
        if name in needed and name not in required and not one_way:
            yield f"{place}.{name}: not required in the contract"
        if direction == "request" and name in required and name not in needed and not one_way:
            yield f"{place}.{name}: not required in the SDK"


def value_differences(place: str, hint: Any, schema: Shape, direction: str, one_way: bool) -> Iterator[str]:
    hint = without_none(hint)
    origin = typing.get_origin(hint)
    pieces = list(parts(schema))
    if hint is Any or hint is any:
        return
    if origin is list:
        yield from type_differences(place, "array", pieces, direction, one_way)
        items = [piece["items"] for piece in pieces if "items" in piece]
        yield from value_differences(place, typing.get_args(hint)[0], {"allOf": items}, direction, one_way)
    elif origin is dict:
        yield from type_differences(place, "object", pieces, direction, one_way)
    elif dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        yield from type_differences(place, "object", pieces, direction, one_way)
        yield from class_differences(hint, schema, direction, one_way)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        _met.add(hint)
        yield from enum_differences(place, {member.value for member in hint}, values_of(pieces), one_way)
    else:
        yield from type_differences(place, _PLAIN[hint], pieces, direction, one_way)
        if hint is str and values_of(pieces) and not one_way:
            yield f"{place}: only certain values in the contract"


def enum_differences(place: str, there: set[str], here: set[str], one_way: bool) -> Iterator[str]:
    if (more := ", ".join(sorted(here - there))) and not one_way:
        yield f"{place}: {more} are not in the SDK"
    if less := ", ".join(sorted(there - here)):
        yield f"{place}: {less} are not in the contract"


def type_differences(place: str, wanted: str, pieces: list[Shape], direction: str, one_way: bool) -> Iterator[str]:
    found: set[str] = set()
    for piece in pieces:
        kinds = piece.get("type", [])
        found |= {kinds} if isinstance(kinds, str) else set(kinds)
    if direction == "request":
        found -= {"null"}
        if found == {"integer", "string"}:
            found = {wanted} & found or found
    if found != {wanted} and not (one_way and (wanted in found or not found)):
        yield f"{place}: the contract has {' or '.join(sorted(found)) or 'anything'}, the SDK {wanted}"


def without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (choice for choice in typing.get_args(hint) if choice is not type(None))
    return hint


def values_of(pieces: list[Shape]) -> set[str]:
    named = {value for piece in pieces for value in piece.get("enum", ())}
    return named | {piece["const"] for piece in pieces if "const" in piece}


def body_schema(message: Shape, direction: str, query: bool) -> Shape:
    schema: Shape = resolved(message)["content"]["application/json"]["schema"]
    if not query:
        return schema
    return {"anyOf": [schema, *({"$ref": f"#/components/schemas/{name}"} for name in QUERY_FORMS[direction])]}


def parts(schema: Any) -> Iterator[Shape]:
    """The schema and all that hold, or may hold, for the same value."""
    schema = dict(schema) if isinstance(schema, dict) else {}
    yield schema
    others = [other for keyword in ("allOf", "anyOf", "oneOf") for other in schema.get(keyword, ())]
    others += [{**schema[keyword]} for keyword in ("then", "else") if isinstance(schema.get(keyword), dict)]
    if "$ref" in schema:
        others.append(target(schema["$ref"]))
    for other in others:
        yield from parts(other)


def always_required(schema: Shape) -> Iterator[str]:
    yield from schema.get("required", ())
    for other in [*schema.get("allOf", ()), *([target(schema["$ref"])] if "$ref" in schema else [])]:
        yield from always_required(other)


def resolved(value: Any) -> Any:
    while isinstance(value, dict) and "$ref" in value:
        value = target(value["$ref"])
    return value


@cache
def target(reference: str) -> Any:
    value: Any = openapi.load().document
    for step in reference.removeprefix("#/").split("/"):
        value = value[step.replace("~1", "/").replace("~0", "~")]
    return value

"""Violations: what is found, where, in which words; and what is never said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_contract import FILES, write

import openapi
from openapi.bundle import bundle
from openapi.spec import Operation, Spec

SECRET = "hunter2-hunter2"


def spec_of(schema: dict[str, Any], **others: Any) -> Spec:
    """A spec whose operation `send` takes and answers `schema`."""
    content = {"content": {"application/json": {"schema": schema}}}
    operation = {"operationId": "send", "requestBody": content, "responses": {"200": {"description": "", **content}}}
    return Spec({"openapi": "3.1.0", "paths": {"/": {"post": operation}}, "components": {"schemas": others}})


def told(schema: dict[str, Any], value: Any, **others: Any) -> list[tuple[str, str]]:
    found = spec_of(schema, **others).operations["send"].request_violations(value)
    return [(violation.where, violation.message) for violation in found]


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    return Spec(bundle(write(tmp_path_factory.mktemp("contract"))))


@pytest.fixture
def create(spec: Spec) -> Operation:
    return spec.operations["create_shelf"]


def test_an_operation_knows_what_the_description_says_of_it(spec: Spec, create: Operation) -> None:
    assert list(spec.operations) == ["create_shelf", "get_shelf", "get_health"]
    assert (create.id, create.method, create.path) == ("create_shelf", "POST", "/shelves")
    assert (create.success, create.media_type, create.summary) == (201, "application/json", "Create a shelf")
    assert (create.tags, create.required_permission, create.public) == (("Shelves",), "CAN_MANAGE", False)
    assert (create.request_media_types, create.body_required) == (("application/json",), True)
    assert create.definition["operationId"] == "create_shelf"
    read, health = spec.operations["get_shelf"], spec.operations["get_health"]
    assert (read.required_permission, read.request_media_types, read.body_required) == (None, (), False)
    assert [parameter["name"] for parameter in read.parameters] == ["name"]
    assert (health.public, health.media_type) == (True, "text/plain")


def test_a_right_body_has_no_violations(create: Operation) -> None:
    assert create.request_violations({"name": "fiction", "parts": [{"name": "crime", "volumes": 0}]}) == []
    assert create.request_violations({"name": "fiction"}, "Application/JSON; charset=utf-8") == []


def test_unknown_members_are_the_schemas_business(create: Operation) -> None:
    assert create.request_violations({"name": "fiction", "extra": {"anything": [1]}}) == []


TWO = {"b": 1, "c": 2}


@pytest.mark.parametrize(
    ("schema", "value", "where", "message"),
    [
        ({"type": "integer"}, "5", "a", "Invalid value for 'a': expected an integer, got the string '5'."),
        ({"type": "integer"}, True, "a", "Invalid value for 'a': expected an integer, got true."),
        ({"type": "string"}, None, "a", "Invalid value for 'a': expected a string, got null."),
        ({"type": ["string", "null"]}, [], "a", "Invalid value for 'a': expected null or a string, got an array."),
        ({"maximum": 100}, 101, "a", "Invalid value for 'a': 101 is more than the maximum of 100."),
        ({"minimum": 0}, -1, "a", "Invalid value for 'a': -1 is less than the minimum of 0."),
        ({"exclusiveMinimum": 0}, 0, "a", "Invalid value for 'a': 0 is not more than 0."),
        ({"exclusiveMaximum": 1}, 1.5, "a", "Invalid value for 'a': 1.5 is not less than 1."),
        ({"multipleOf": 5}, 7, "a", "Invalid value for 'a': 7 is not a multiple of 5."),
        ({"maxLength": 1}, "ab", "a", "Invalid value for 'a': 'ab' is longer than 1 character."),
        ({"minLength": 2}, "", "a", "Invalid value for 'a': '' is shorter than 2 characters."),
        ({"minItems": 1}, [], "a", "Invalid value for 'a': the array has fewer than 1 item."),
        ({"maxItems": 1}, [1, 2], "a", "Invalid value for 'a': the array has more than 1 item."),
        ({"uniqueItems": True}, [1, 1], "a", "Invalid value for 'a': the array has items that are the same."),
        ({"maxProperties": 0}, {"x": 1}, "a", "Invalid value for 'a': the object has more than 0 members."),
        ({"pattern": "^[a-z]+$"}, "A1", "a", "Invalid value for 'a': 'A1' does not match the pattern ^[a-z]+$."),
        ({"const": "x"}, "y", "a", "Invalid value for 'a': 'y'; expected x."),
        ({"enum": ["b", None]}, 1, "a", "Invalid value for 'a': 1; expected one of b, null."),
        (
            {"enum": ["user", "endpoint"]},
            "usr",
            "a",
            "Invalid value for 'a': 'usr'; expected one of user, endpoint (did you mean 'user'?).",
        ),
        ({"required": ["b"]}, {}, "a.b", "Missing required field 'a.b'."),
        ({"items": {"type": "null"}}, [None, 1], "a[1]", "Invalid value for 'a[1]': expected null, got the integer 1."),
        ({"properties": {"x y": False}}, {"x y": 1}, 'a["x y"]', "The field 'a[\"x y\"]' is not accepted here."),
        (
            {"properties": {"volumes": {}}, "additionalProperties": False},
            {"volume": 1},
            "a.volume",
            "Unknown field 'a.volume' (did you mean 'volumes'?).",
        ),
        ({"not": {"required": ["b", "c"]}}, TWO, "a", "The fields 'a.b' and 'a.c' cannot be given together."),
        ({"not": {"required": ["b"]}}, {"b": 1}, "a.b", "The field 'a.b' is not accepted here."),
        ({"propertyNames": {"const": "b"}}, TWO, "a", "Invalid value for 'a': the name 'c' is not b."),
        ({"contains": {"const": 1}}, [2], "a", "Invalid value for 'a': the array has no item of the kind it needs."),
        ({"dependentRequired": {"b": ["c"]}}, {"b": 1}, "a.c", "Missing required field 'a.c'."),
        ({"if": {"required": ["b"]}, "then": {"required": ["c"]}}, {"b": 1}, "a.c", "Missing required field 'a.c'."),
    ],
)  # fmt: skip
def test_each_keyword_has_its_sentence(schema: dict[str, Any], value: Any, where: str, message: str) -> None:
    assert told(fields(a=schema), {"a": value}) == [(where, message)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "Invalid value for the request body: expected an object, got an array."),
        ("text", "Invalid value for the request body: expected an object, got a string."),
    ],
)
def test_the_whole_body_is_called_the_request_body(value: Any, message: str) -> None:
    assert told(fields(a={}), value) == [("", message)]


def test_a_missing_body_is_a_violation_only_where_one_is_required(create: Operation) -> None:
    assert [str(violation) for violation in create.request_violations(None)] == ["The request body is missing."]
    assert told(fields(a={}), None) == []


def test_a_body_of_another_media_type_is_refused_with_the_right_one(create: Operation) -> None:
    (violation,) = create.request_violations("x", "text/xml; charset=utf-8")
    assert violation.message == "The content type 'text/xml' is not accepted; send application/json."


def test_a_scalar_is_told_its_first_fault_only() -> None:
    schema = fields(a={"maxLength": 3, "pattern": "^[a-z]+$", "anyOf": [{"const": "b"}]})
    assert len(told(schema, {"a": "LONG"})) == 1


def test_all_places_are_told() -> None:
    schema = fields(a={"type": "string"}, b={"items": {"minimum": 0}}) | {"required": ["c"]}
    assert [where for where, _ in told(schema, {"a": 1, "b": [-1, 0, -2]})] == ["c", "a", "b[0]", "b[2]"]


BRANCHES = {
    "by type": {"anyOf": [{"type": "string", "maxLength": 1}, {"type": "array", "items": {"type": "string"}}]},
    "by constant": {
        "oneOf": [
            {"properties": {"kind": {"const": "cat"}, "lives": {"maximum": 9}}, "required": ["kind"]},
            {"properties": {"kind": {"const": "dog"}, "legs": {"maximum": 4}}, "required": ["kind", "legs"]},
        ]
    },
    "known or alike": {"anyOf": [{"enum": ["cat", "dog"]}, {"type": "string", "pattern": "^x"}]},
    "by member": {"oneOf": [{"required": ["one"]}, {"required": ["two"]}]},
    "excluding": {
        "oneOf": [
            {"required": ["one"], "properties": {"two": False}},
            {"required": ["two"], "properties": {"one": False}},
        ]
    },
    "nullable": {"anyOf": [{"type": "object", "properties": {"n": {"type": "integer"}}}, {"type": "null"}]},
}


@pytest.mark.parametrize(
    ("branches", "value", "expected"),
    [
        ("by type", "ab", [("a", "Invalid value for 'a': 'ab' is longer than 1 character.")]),
        ("by type", [1], [("a[0]", "Invalid value for 'a[0]': expected a string, got the integer 1.")]),
        ("by type", 1, [("a", "Invalid value for 'a': expected a string or an array, got the integer 1.")]),
        ("by constant", {"kind": "cat", "lives": 10},
         [("a.lives", "Invalid value for 'a.lives': 10 is more than the maximum of 9.")]),
        ("by constant", {"kind": "dog"}, [("a.legs", "Missing required field 'a.legs'.")]),
        ("by constant", {"kind": "cow"}, [("a.kind", "Invalid value for 'a.kind': 'cow'; expected one of cat, dog.")]),
        ("by constant", {"kind": "dogg"},
         [("a.kind", "Invalid value for 'a.kind': 'dogg'; expected one of cat, dog (did you mean 'dog'?).")]),
        ("known or alike", "cow", [("a", "Invalid value for 'a': 'cow'; expected one of cat, dog.")]),
        ("by member", {}, [("a", "Missing required field: one of 'one' or 'two' must be given in 'a'.")]),
        ("by member", {"one": 1, "two": 2}, [("a", "Only one of 'one' or 'two' may be given in 'a'.")]),
        ("excluding", {"one": 1, "two": 2}, [("a.two", "The field 'a.two' is not accepted together with 'one'.")]),
        ("nullable", {"n": "x"}, [("a.n", "Invalid value for 'a.n': expected an integer, got the string 'x'.")]),
        ("nullable", 5, [("a", "Invalid value for 'a': expected an object or null, got the integer 5.")]),
    ],
)  # fmt: skip
def test_of_alternatives_the_one_that_fits_best_is_told(branches: str, value: Any, expected: list[Any]) -> None:
    assert told(fields(a=BRANCHES[branches]), {"a": value}) == expected


@pytest.mark.parametrize(
    ("lock", "where", "message"),
    [
        ({"kind": "dial", "digits": "4"}, "lock.digits", "expected an integer, got the string '4'."),
        ({"kind": "chain"}, "lock.kind", "'chain'; expected one of bolt, dial."),
        ({"digits": 4}, "lock.kind", "Missing required field 'lock.kind'."),
    ],
)
def test_a_discriminator_picks_the_branch(lock: Any, where: str, message: str, create: Operation) -> None:
    (violation,) = create.request_violations({"name": "fiction", "lock": lock})
    assert violation.where == where
    assert violation.message.endswith(message)


def test_a_member_whose_name_is_a_number_is_told_by_its_name() -> None:
    texts = {"type": "object", "additionalProperties": {"type": "string"}}
    assert told(fields(words=texts), {"words": {"10": [1]}}) == [
        ('words["10"]', "Invalid value for 'words[\"10\"]': expected a string, got an array.")
    ]
    lists = {"type": "object", "additionalProperties": {"type": "array", "items": fields(kind={"enum": ["a"]})}}
    assert [where for where, _ in told(lists, {"0": [{}, {"kind": 1}]})] == ['["0"][1].kind']
    either = {"type": "object", "additionalProperties": {"anyOf": [fields(a={"const": 1}), fields(a={"const": 2})]}}
    assert [where for where, _ in told(either, {"7": {"a": 3}})] == ['["7"].a']


def test_a_schema_may_bring_its_own_message() -> None:
    key = {"type": "string", "maxLength": 3, "x-message": "The key {value} of {field} is too odd."}
    assert told(fields(a=key), {"a": "long"}) == [("a", "The key long of a is too odd.")]
    assert (
        told(fields(a={**key, "format": "password"}), {"a": SECRET})[0][1]
        == "The key the value (not shown) of a is too odd."
    )


def test_long_and_odd_values_are_shortened_and_made_printable() -> None:
    ((_, message),) = told(fields(a={"maxLength": 1}), {"a": "x\n\x1b[31m" + "y" * 1000})
    assert len(message) < 160
    assert message.isprintable()


SECRETIVE: dict[str, tuple[dict[str, Any], Any]] = {
    "secret": (fields(a={"type": "integer", "format": "password"}), {"a": SECRET}),
    "secret by reference": (fields(a={"$ref": "#/components/schemas/Plain"}), {"a": SECRET}),
    "below a secret": (fields(a={"format": "password", "items": {"maxLength": 1}}), {"a": [SECRET]}),
    "password": (fields(a={"format": "password", "maxLength": 1}), {"a": SECRET}),
    "enum": (fields(a={"format": "password", "enum": ["hunter2-hunter3"]}), {"a": SECRET}),
    "by name": (fields(openai_api_key={"pattern": "^x"}), {"openai_api_key": SECRET}),
    "twin": (fields(client_secret_plaintext={"maxLength": 1}), {"client_secret_plaintext": SECRET}),
    "where an object belongs": (fields(config=fields(key={"format": "password"})), {"config": SECRET}),
    "inside what is shown": (fields(a={"type": "string"}), {"a": {"key_plaintext": SECRET}}),
    "in a branch": (fields(a={"oneOf": [fields(k={"format": "password", "type": "null"})]}), {"a": {"k": SECRET}}),
    "whole body": ({"type": "object"}, SECRET),
}


@pytest.mark.parametrize("case", SECRETIVE)
def test_a_secret_is_never_said(case: str) -> None:
    schema, value = SECRETIVE[case]
    found = told(schema, value, Plain={"type": "string", "maxLength": 2, "format": "password"})
    assert found
    assert SECRET not in str(found)


DEEP: Any = "bottom"
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "where", "words"),
    [
        (float("nan"), "a.b", "is not a finite number"),
        (float("-inf"), "a.b", "is not a finite number"),
        (2**64, "a.b", "is an integer of more than 64 bits"),
        (-(10**400), "a.b", "is an integer of more than 64 bits"),
        ("\ud800", "a.b", "holds half a surrogate pair"),
        ({"\udfff": 1}, "a.b", "has a member whose name holds half a surrogate pair"),
        ({1: 2}, "a.b", "has a member whose name is not a string"),
        (DEEP, "a.b[0][0][0]", "is nested more than 250 levels deep"),
        (b"bytes", "a.b", "is not a JSON value"),
        (object(), "a.b", "is not a JSON value"),
    ],
)
@pytest.mark.parametrize("schema", [{}, {"type": "string"}, {"type": ["null", "number"]}])
def test_what_json_cannot_carry_is_a_violation_and_no_error(
    value: Any, where: str, words: str, schema: dict[str, Any]
) -> None:
    ((found, message),) = told(fields(a=fields(b=schema)), {"a": {"b": value}})
    assert found == where
    assert words in message
    message.encode()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
names = st.text() | st.sampled_from(["name", "config", "served_entities", "messages", "role", "content", "guardrails"])
json_values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(names, inner))


@settings(deadline=None, max_examples=200)
@given(value=json_values)
def test_any_value_is_answered_with_printable_sentences(value: Any) -> None:
    for operation in openapi.load().operations.values():
        if operation.id in ("create_serving_endpoint", "create_chat_completion", "put_ai_gateway"):
            for violation in operation.request_violations(value):
                assert violation.message.encode().decode().isprintable()
                assert violation.message.endswith(".")


def test_what_the_service_sets_is_not_asked_of_the_client_and_not_looked_at(create: Operation) -> None:
    assert create.request_violations({"name": "fiction", "id": {"any": "thing"}}) == []


def test_a_reply_needs_what_the_service_sets_and_shows_no_secret(create: Operation) -> None:
    assert create.reply_violations(201, {"name": "fiction", "id": "s1"}) == []
    assert [violation.where for violation in create.reply_violations(201, {"name": "fiction"})] == ["id"]
    reply = {"name": "fiction", "id": "s1", "lock": {"kind": "dial", "code": SECRET}}
    (violation,) = create.reply_violations(201, reply)
    assert violation.where == "lock.code"
    assert violation.message == "The field 'lock.code' is write-only and must not be in the reply."


def test_a_required_secret_is_required_of_requests_only() -> None:
    schema = {"allOf": [fields(code={"type": "string", "writeOnly": True})], "required": ["code"]}
    operation = spec_of(schema).operations["send"]
    assert [violation.where for violation in operation.request_violations({})] == ["code"]
    assert operation.reply_violations(200, {}) == []


def test_an_undocumented_status_or_media_type_is_a_violation(create: Operation) -> None:
    (status,) = create.reply_violations(418, {})
    assert status.message == "Status 418 is not documented for create_shelf; documented are 201, 400, 401, 403."
    (media_type,) = create.reply_violations(201, "x", "text/html")
    assert "The media type 'text/html' is not documented for status 201" in media_type.message
    assert create.reply_violations(400, {"error_code": "NO", "message": "No."}) == []
    assert [violation.where for violation in create.reply_violations(400, {"message": "No."})] == ["error_code"]


def test_a_range_of_statuses_and_the_default_count_as_documented() -> None:
    media = {"content": {"application/json": {"schema": {"type": "object"}}}}
    for key in ("4XX", "default"):
        operation = {"operationId": "send", "responses": {"204": {"description": ""}, key: media}}
        send = Spec({"paths": {"/": {"get": operation}}}).operations["send"]
        assert send.reply_violations(404, {}) == []
        assert send.reply_violations(404, []) != []
        assert send.reply_violations(204, None) == []
        assert send.reply_violations(204, {})[0].message == "Status 204 of send has no body."


def test_text_is_checked_as_text(spec: Spec) -> None:
    health = spec.operations["get_health"]
    assert health.reply_violations(200, "fine", "text/plain; charset=utf-8") == []
    assert health.reply_violations(200, {"fine": True}, "text/plain") != []


def test_the_events_of_a_stream_are_checked_one_by_one(create: Operation, spec: Spec) -> None:
    assert create.event_violations({"added": 1}) == []
    (violation,) = create.event_violations({"added": "1"})
    assert violation.where == "added"
    assert create.reply_violations(201, "data: ...", "text/event-stream") == []
    assert spec.operations["get_shelf"].event_violations({})[0].message == "get_shelf documents no event stream."


def test_a_named_schema_validates_as_written(spec: Spec) -> None:
    shelf = spec.schema("Shelf")
    assert [violation.where for violation in shelf.violations({"name": "fiction"})] == ["id"]
    assert shelf.definition["type"] == "object"
    with pytest.raises(KeyError):
        spec.schema("Nobody")


def test_formats_are_annotations() -> None:
    assert told(fields(a={"type": "string", "format": "email"}), {"a": "no address"}) == []


def test_the_contract_of_this_package_loads_once() -> None:
    assert openapi.load() is openapi.load()
    assert "create_serving_endpoint" in openapi.load().operations


def test_reading_a_root_document_gives_its_spec(tmp_path: Path) -> None:
    assert set(Spec.read(write(tmp_path)).operations) == {"create_shelf", "get_shelf", "get_health"}
    assert "openapi.yaml" in FILES

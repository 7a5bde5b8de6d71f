"""What the spec says of a value, done to it: on a copy, where it applies, and nowhere else."""

from __future__ import annotations

import copy
import sys
import threading
from typing import Any

import pytest

from openapi.values import REDACTED, Action, Walkers

SECRET = {"type": "string", "format": "password", "writeOnly": True}
SET = {"type": "string", "readOnly": True}
SIZE = {"type": "string", "default": "Small"}


def fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def done(action: Action, schema: Any, value: Any, **schemas: Any) -> Any:
    """The result, after making sure that the value given is as it was."""
    before = copy.deepcopy(value)
    result = Walkers({"components": {"schemas": schemas}}).walk(schema, action)(value)
    assert value == before
    return result


def filled(schema: Any, value: Any, **schemas: Any) -> Any:
    return done(Action.FILL, schema, value, **schemas)


def stripped(schema: Any, value: Any, **schemas: Any) -> Any:
    return done(Action.STRIP, schema, value, **schemas)


def masked(schema: Any, value: Any, **schemas: Any) -> Any:
    return done(Action.MASK, schema, value, **schemas)


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def test_a_default_is_filled_in_only_where_the_member_is_absent() -> None:
    assert filled(fields(size=SIZE), {}) == {"size": "Small"}
    assert filled(fields(size=SIZE), {"size": "Large"}) == {"size": "Large"}
    assert filled(fields(size=SIZE), {"size": None}) == {"size": None}


def test_defaults_of_members_of_members_and_of_items_are_filled_in() -> None:
    schema = fields(config=fields(entities={"type": "array", "items": fields(size=SIZE)}))
    value = {"config": {"entities": [{"a": 1}, {"size": "Large"}]}}
    assert filled(schema, value) == {"config": {"entities": [{"a": 1, "size": "Small"}, {"size": "Large"}]}}


def test_an_absent_parent_is_not_invented_for_the_sake_of_a_default_inside() -> None:
    assert filled(fields(config=fields(size=SIZE)), {}) == {}


def test_a_default_object_gets_its_own_defaults_and_is_nobody_elses() -> None:
    schema = fields(config={**fields(size=SIZE, tags={"default": []}), "default": {}})
    walk = Walkers({}).walk(schema, Action.FILL)
    first, second = walk({}), walk({})
    assert first == second == {"config": {"size": "Small", "tags": []}}
    first["config"]["tags"].append("mine")
    assert second == walk({}) == {"config": {"size": "Small", "tags": []}}


def test_defaults_are_found_through_references_and_allof() -> None:
    schemas = {
        "Size": {"type": "string", "default": "Small"},
        "Base": fields(size=ref("Size")),
        "Entity": {"allOf": [ref("Base"), fields(kind={"allOf": [{"default": "CPU"}]})]},
    }
    assert filled(ref("Entity"), {}, **schemas) == {"size": "Small", "kind": "CPU"}


def test_a_default_beside_a_reference_wins_over_the_one_behind_it() -> None:
    assert filled(fields(size={**ref("Size"), "default": "Big"}), {}, Size=SIZE) == {"size": "Big"}


def test_a_recursive_schema_is_followed_as_deep_as_the_value_goes() -> None:
    node = fields(size=SIZE, parts={"type": "array", "items": ref("Node")})
    value = {"parts": [{"parts": [{"size": "Large"}]}]}
    expected = {"parts": [{"parts": [{"size": "Large"}], "size": "Small"}], "size": "Small"}
    assert filled(ref("Node"), value, Node=node) == expected


def test_members_without_a_name_in_the_schema_are_followed() -> None:
    schema = {"additionalProperties": fields(size=SIZE), "properties": {"plain": {}}}
    assert filled(schema, {"plain": {}, "x": {}}) == {"plain": {}, "x": {"size": "Small"}}
    schema = {"patternProperties": {"^x": fields(size=SIZE)}, "additionalProperties": fields(kind={"default": 1})}
    assert filled(schema, {"x1": {}, "y": {}}) == {"x1": {"size": "Small"}, "y": {"kind": 1}}


def test_the_first_items_of_an_array_have_schemas_of_their_own() -> None:
    schema = {"prefixItems": [{}, fields(a={"default": 1})], "items": fields(b={"default": 2})}
    assert filled(schema, [{}, {}, {}]) == [{}, {"a": 1}, {"b": 2}]
    assert filled(schema, [{}]) == [{}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "cat"}, {"kind": "cat", "lives": 9}),
        ({"kind": "dog"}, {"kind": "dog", "legs": 4}),
        ({"kind": "cow"}, {"kind": "cow"}),
        ({}, {}),
    ],
)
def test_defaults_of_a_branch_are_filled_in_when_a_constant_decides(value: Any, expected: Any) -> None:
    schema = {
        "oneOf": [
            fields(kind={"const": "cat"}, lives={"default": 9}),
            fields(kind={"enum": ["dog"]}, legs={"default": 4}),
        ]
    }
    assert filled(schema, value) == expected


@pytest.mark.parametrize(
    ("branches", "value", "expected"),
    [
        ([fields(size=SIZE), {"type": "string"}], {}, {"size": "Small"}),
        ([fields(size=SIZE), {"type": "null"}], None, None),
        ([{**fields(a={"default": 1}), "required": ["x"]}, {**fields(b={"default": 2}), "required": ["y"]}],
         {"y": 0}, {"y": 0, "b": 2}),
        ([fields(y=False, a={"default": 1}), fields(x=False, b={"default": 2})], {"y": 0}, {"y": 0, "b": 2}),
        ([{**fields(x={}, a={"default": 1}), "additionalProperties": False}, fields(y={}, b={"default": 2})],
         {"y": 0}, {"y": 0, "b": 2}),
        ([fields(a={"default": 1}), fields(b={"default": 2})], {"c": 3}, {"c": 3}),
    ],
)  # fmt: skip
def test_a_branch_is_decided_by_type_by_members_or_not_at_all(branches: list[Any], value: Any, expected: Any) -> None:
    assert filled({"anyOf": branches}, value) == expected


def test_a_discriminator_decides_without_constants_in_the_branches() -> None:
    schema = {
        "oneOf": [ref("Cat"), ref("Dog")],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"c": "#/components/schemas/Cat", "d": ref("Dog")["$ref"]},
        },
    }
    schemas = {"Cat": fields(lives={"default": 9}), "Dog": fields(legs={"default": 4})}
    assert filled(schema, {"kind": "d"}, **schemas) == {"kind": "d", "legs": 4}
    assert filled(schema, {"kind": "e"}, **schemas) == {"kind": "e"}


def test_what_the_service_sets_is_dropped_when_a_client_sends_it() -> None:
    schema = fields(id=SET, creator={"allOf": [ref("Set")]}, name={}, parts={"items": fields(id=ref("Set"))})
    value = {"id": 1, "creator": "me", "name": "x", "parts": [{"id": 2, "a": 1}]}
    assert filled(schema, value, Set=SET) == {"name": "x", "parts": [{"a": 1}]}


def test_a_default_of_what_the_service_sets_is_not_filled_in() -> None:
    assert filled(fields(version={"readOnly": True, "default": 1}), {}) == {}


def test_secrets_are_dropped_from_a_reply_at_any_depth_and_through_any_composition() -> None:
    schemas = {"Secret": SECRET, "Base": fields(key_plaintext=ref("Secret"))}
    schema = fields(
        direct=SECRET,
        inherited={"allOf": [ref("Base"), fields(other={})]},
        listed={"items": ref("Base")},
        mapped={"additionalProperties": ref("Base")},
    )
    secret = {"key_plaintext": "s", "other": 1}
    value = {"direct": "s", "inherited": secret, "listed": [secret], "mapped": {"x": secret}, "more": secret}
    kept = {"other": 1}
    assert stripped(schema, value, **schemas) == {
        "inherited": kept,
        "listed": [kept],
        "mapped": {"x": kept},
        "more": secret,
    }


def test_a_secret_of_an_undecided_branch_is_dropped_and_masked_all_the_same() -> None:
    schema = {"anyOf": [fields(a=SECRET), fields(b=SECRET)]}
    assert stripped(schema, {"a": "s", "b": "s", "c": 1}) == {"c": 1}
    assert masked(schema, {"a": "s", "b": "s", "c": 1}) == {"a": REDACTED, "b": REDACTED, "c": 1}
    wrong = {"oneOf": [{**fields(a=SECRET), "required": ["kind"]}, {**fields(b=SECRET), "required": ["sort"]}]}
    assert masked(wrong, {"a": "s", "b": "s"}) == {"a": REDACTED, "b": REDACTED}


def test_a_secret_is_masked_whatever_it_is() -> None:
    schema = fields(key=SECRET, list={"type": "array", "format": "password"})
    assert masked(schema, {"key": {"not": ["a string"]}, "list": [1], "name": "x"}) == {
        "key": REDACTED,
        "list": REDACTED,
        "name": "x",
    }


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("value", [None, 5, "text", [], [[{}]], {"config": "text"}, {"config": [None]}, {"key": None}])
def test_values_of_the_wrong_shape_pass_through(action: Action, value: Any) -> None:
    schema = fields(config=fields(a=SECRET, b=SET, c={"items": fields(a=SECRET)}))
    assert done(action, schema, value) == value


@pytest.mark.parametrize("action", Action)
def test_a_value_that_needs_no_change_is_returned_itself(action: Action) -> None:
    schema = fields(config=fields(a=SECRET, b=SET, size=SIZE), items={"items": fields(a=SECRET)})
    value = {"config": {"size": "Large", "x": [1]}, "items": [{"b": 1}], "other": {}}
    assert Walkers({}).walk(schema, action)(value) is value


def test_only_what_changes_is_copied() -> None:
    value = {"config": {"a": "s"}, "other": {"big": [1, 2, 3]}}
    result = stripped(fields(config=fields(a=SECRET), other=fields(a=SECRET)), value)
    assert result == {"config": {}, "other": {"big": [1, 2, 3]}}
    assert result["other"] is value["other"]


def test_the_order_of_members_is_kept_and_defaults_come_last() -> None:
    schema = fields(a=fields(size=SIZE), size=SIZE, z={})
    assert list(filled(schema, {"z": 1, "a": {}})) == ["z", "a", "size"]


def test_schemas_that_are_true_or_false_or_say_nothing_are_fine() -> None:
    for schema in (True, False, {}, fields(a=True, b=False)):
        assert filled(schema, {"a": 1}) == {"a": 1}


def test_threads_that_come_first_together_get_whole_walkers() -> None:
    nested: dict[str, Any] = fields(key=SECRET)
    schemas = {}
    for index in range(60):
        schemas[f"S{index}"] = nested = fields(next=ref(f"S{index - 1}") if index else nested, key=SECRET)
    document = {"components": {"schemas": schemas}}
    value: dict[str, Any] = {"key": "s"}
    for _ in range(60):
        value = {"next": value, "key": "s"}
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            walkers, found = Walkers(document), list[str]()

            def work(walkers: Walkers = walkers, found: list[str] = found) -> None:
                found.append(str(walkers.walk(ref("S59"), Action.STRIP)(value)))

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert ["key" in text for text in found] == [False] * 4
    finally:
        sys.setswitchinterval(before)


def test_whole_numbers_become_integers_where_the_schema_asks_for_them_and_nowhere_else() -> None:
    schema = fields(
        count={"type": "integer"}, maybe={"type": ["integer", "null"]}, code={"type": ["string", "integer"]},
        either={"type": ["integer", "number"]}, share={"type": "number"}, anything={},
        counts={"type": "object", "additionalProperties": {"type": "integer"}},
        items={"items": {"anyOf": [fields(a={"type": "integer"}), {"$ref": "#/components/schemas/B"}]}},
    )  # fmt: skip
    numbers = dict.fromkeys(("count", "maybe", "code", "either", "share", "anything"), 2.0)
    value = {**numbers, "counts": {"x": 3.0, "y": 0.5}, "items": [{"a": 1.0}, {"b": 1.0}, {"c": 1.0}]}
    other = {"type": "object", "required": ["b"], "properties": {"b": {"type": "integer"}}}
    result = done(Action.WHOLE, schema, value, B=other)
    assert result == value
    whole = {name: type(result[name]) for name in numbers}
    assert [name for name, kind in whole.items() if kind is int] == ["count", "maybe", "code"]
    assert repr(result["counts"]) == "{'x': 3, 'y': 0.5}"
    assert repr(result["items"]) == "[{'a': 1}, {'b': 1}, {'c': 1.0}]"

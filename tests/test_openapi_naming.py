"""The members that schemas name: what is unknown goes, the rest stays the same object."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openapi.naming import Names

LEAF: dict[str, Any] = {"properties": {"value": {}}}
TREE: dict[str, Any] = {
    "properties": {
        "name": {"type": "string"},
        "children": {"items": {"$ref": "#/components/schemas/Tree"}},
        "free": {"properties": {"a": {}}, "additionalProperties": True},
    },
    "oneOf": [{"properties": {"left": LEAF}}, {"properties": {"right": LEAF, "left": {"properties": {"more": {}}}}}],
}
DOCUMENT = {"components": {"schemas": {"Tree": TREE}}}

MEMBERS = ["name", "children", "free", "left", "right", "value", "more", "odd"]
VALUES = st.recursive(
    st.none() | st.integers() | st.sampled_from(MEMBERS),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inside, max_size=4),
    max_leaves=12,
)


def known(value: Any) -> Any:
    return Names(DOCUMENT).only_known((TREE,), value)


def expected(value: Any) -> Any:
    """The tree without unknown members, by the sentence above it in plain code."""
    if not isinstance(value, dict):
        return value
    kept = {name: value[name] for name in value if name in ("name", "children", "free", "left", "right")}
    if isinstance(kept.get("children"), list):
        kept["children"] = [expected(child) for child in kept["children"]]
    for name, allowed in (("left", ("value", "more")), ("right", ("value",))):
        if isinstance(kept.get(name), dict):
            kept[name] = {member: kept[name][member] for member in kept[name] if member in allowed}
    return kept


@given(VALUES)
def test_just_the_members_stay_that_some_schema_names(value: Any) -> None:
    assert known(value) == expected(value)


@given(VALUES)
def test_a_value_in_which_all_is_known_is_returned_itself(value: Any) -> None:
    clean = expected(value)
    assert known(clean) is clean


@pytest.mark.parametrize("value", [b"text", {1: 2}, {"\ud800": 1}, {"name": object(), "odd": object()}])
def test_what_is_no_json_is_looked_at_all_the_same(value: Any) -> None:
    assert known(value) == expected(value)

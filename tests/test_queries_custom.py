"""Custom models over HTTP, side by side with what MLflow 3.17.2's scoring server was seen to answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from endpoints_for_queries import LLAMA, ask, create, custom

from mockserver import MockServer
from mockserver.domain.inference import scoring
from mockserver.replies import rule

Rest = Callable[..., requests.Response]
JSON = "application/json"
TURN = {"messages": [{"role": "user", "content": "hi"}]}
NO_FRAME = "Invalid input. Provided dataframe_{0} field is not a valid dataframe representation in '{0}' format. "
SPLIT, RECORDS = NO_FRAME.format("split") + "Error: ", NO_FRAME.format("records") + "Error: "
NO_JSON = "Invalid input. Ensure that the input is a valid JSON-formatted string.\nError: "
UNEQUAL = "Invalid input. The length of values for each input/column name are not the same"
TABLE = {"catalog_name": "main", "schema_name": "default", "enabled": True}
FEATURES = {"entity_name": "main.default.users", "workload_size": "Small", "scale_to_zero_enabled": True}


@pytest.fixture
def churn(rest: Rest) -> Callable[..., requests.Response]:
    """Ask a custom model; a body of text is sent as it is."""
    create(rest, "churn", custom())
    return lambda body, kind=JSON: send(rest, "churn", body, kind)


def send(rest: Rest, name: str, body: Any, kind: str = JSON, path: str = "") -> requests.Response:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return rest("POST", f"/serving-endpoints/{name}{path}/invocations", data=data, headers={"Content-Type": kind})


def split(data: Any, *columns: Any, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": [*columns], "data": data, **more}}


ANSWERED: list[tuple[Any, int]] = [
    (split([[1, 2]], ["a", "x"], ["b", "y"]), 1),
    (split([[1, 2]], ["a", "x"], "b"), 1),
    (split([[1]], {"a": 1}), 1),
    (split([[1, 2]], "a", 1), 1),
    (split([[1, 2]], None, True), 1),
    (split([[1, 2], [3]], "a", "b"), 2),
    (split([[3], [1, 2]], "a", "b"), 2),
    (split([1, 2], "a"), 2),
    (split([["x"]], "a", index=[0, 1]), 2),
    (split([["x"], ["y"]], "a", index=[["a", "b"], ["c", "d"]]), 2),
    (split([{"a": 1}, {"b": 2}], "a", "b"), 2),
    (split([], "a"), 0),
    ({"dataframe_split": {"data": [[1, 2], [3]]}}, 2),
    ({"dataframe_records": [5, {"a": 1}]}, 2),
    ({"dataframe_records": [{"a": 1}, {"b": 2}]}, 2),
    ({"dataframe_records": [{"a": 1}, ""]}, 2),
    ({"instances": {"a": [1, 2], "b": [3, 4]}}, 2),
    ({"instances": 5}, 1),
    ({"instances": "x"}, 1),
    ({"instances": None}, 1),
    ({"instances": {}}, 1),
    ({"instances": [5, {"a": 1}]}, 2),
    ({"inputs": {"a": [1, 2], "b": [3]}}, 2),
    ({"inputs": {"a": [1], "b": [3, 4]}}, 1),
    ({"inputs": {"a": [1, 2], "b": 5}}, 2),
    ({"inputs": [1], "params": 5}, 1),
    ({"inputs": [1], "params": [1]}, 1),
    ({"inputs": [1, 2], "temperature": 7, "n": "many"}, 2),
]


@pytest.mark.parametrize(("body", "count"), ANSWERED, ids=lambda value: json.dumps(value)[:60])
def test_what_the_scoring_server_takes_is_answered(churn: Rest, body: Any, count: int) -> None:
    reply = churn(body)
    assert reply.status_code == 200, reply.text
    assert len(reply.json()["predictions"]) == count


REFUSED: list[tuple[Any, str]] = [
    (split([[1, 2, 3]], ["a", "x"], ["b", "y"]), SPLIT + "'2 columns passed, passed data had 3 columns'"),
    (split([[1, 2]], ["a", "x"], ["b"]), SPLIT + "'all arrays must be same length'"),
    (split([[1, 2]], [["a"], "b"], [["c"], "d"]), SPLIT + "'unhashable type: 'list''"),
    (split([[1], [3]], "a", "b"), SPLIT + "'2 columns passed, passed data had 1 columns'"),
    (split([[3], [1, 2]], "a"), SPLIT + "'1 columns passed, passed data had 2 columns'"),
    (split([[2], 1], "a"), SPLIT + "'object of type 'int' has no len()'"),
    (split([1, 2], "a", "b"), SPLIT + "'Shape of passed values is (2, 1), indices imply (2, 2)'"),
    (split([["x"], ["y"]], "a", index=[0]), SPLIT + "'Length of values (2) does not match length of index (1)'"),
    (
        {"dataframe_split": {"columns": "ab", "data": [[1, 2]]}},
        SPLIT + "'Index(...) must be called with a collection of some kind, 'ab' was passed'",
    ),
    ({"dataframe_records": [{"a": 1}, 5]}, RECORDS + "''int' object is not iterable'"),
    (
        {"dataframe_records": [{"a": 1}, "xy"]},
        RECORDS + "'dictionary update sequence element #0 has length 1; 2 is required'",
    ),
    ({"instances": {"a": [1, 2], "b": [3]}}, UNEQUAL),
    ({"instances": [{"a": 1}, {"a": 2, "b": 2}]}, UNEQUAL),
    ({"instances": {"a": 1}}, NO_JSON + "TypeError('len() of unsized object')"),
    ({"instances": [{"a": 1}, 5]}, NO_JSON + "AttributeError(\"'int' object has no attribute 'items'\")"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED, ids=lambda value: str(value)[-60:])
def test_what_the_scoring_server_refuses_is_refused_in_its_words(churn: Rest, body: Any, message: str) -> None:
    reply = churn(body)
    assert (reply.status_code, reply.json()) == (400, {"error_code": "BAD_REQUEST", "message": message})


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ("a,b\n1,2,3", [{"a": 2, "b": 3}]),
        ("a,b\n1,2,3\n4,5", [{"a": 2, "b": 3}, {"a": 5, "b": None}]),
        ("a,b\n1,2,3,4\n", [{"a": 3, "b": 4}]),
        ("a,b\n1\n2,3\n", [{"a": 1, "b": None}, {"a": 2, "b": 3}]),
        ("\ufeffa,b\n1_0,2", [{"a": "1_0", "b": 2}]),
    ],
)
def test_the_first_columns_of_csv_without_names_are_the_index(rest: Rest, rows: str, values: Any) -> None:
    create(rest, "features", FEATURES)
    outputs = send(rest, "features", rows.encode(), "text/csv").json()["outputs"]
    assert [{name: row[name] for name in ("a", "b")} for row in outputs] == values


def test_a_csv_row_that_is_longer_than_the_first_is_refused(churn: Rest) -> None:
    reply = churn("a,b\n1,2,3\n4,5,6,7", "text/csv")
    assert reply.status_code == 400
    assert "Error tokenizing data. C error: Expected 3 fields in line 3, saw 4\n" in reply.json()["message"]


def test_columns_with_several_parts_reach_features_and_plugged_in_models(
    rest: Rest, instant_server: MockServer, token: str
) -> None:
    body = split([[1, 2], [3]], ["a", "b"], ["x", "y"])
    create(rest, "features", FEATURES)
    create(rest, "sees", custom("main.default.sees"))
    instant_server.mock.models.register(token, "main.default.sees", lambda rows: rows)
    rows = [{"('a', 'x')": 1, "('b', 'y')": 2}, {"('a', 'x')": 3, "('b', 'y')": None}]
    outputs = send(rest, "features", body).json()["outputs"]
    assert [{name: value for name, value in row.items() if name != "value"} for row in outputs] == rows
    assert send(rest, "sees", body).json()["predictions"] == rows


class TestNumbersThatAreNotFinite:
    ROWS = '{"dataframe_records": [{"a": NaN}, {"a": -Infinity}], "client_request_id": "c"}'

    @pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8", "application/x-www-form-urlencoded"])
    def test_they_are_data_and_are_noted_as_they_came(
        self, rest: Rest, instant_server: MockServer, token: str, kind: str
    ) -> None:
        create(rest, "churn", custom(), ai_gateway={"inference_table_config": TABLE})
        reply = send(rest, "churn", self.ROWS, kind)
        assert (reply.status_code, reply.headers["served-model-name"]) == (200, "churn-1")
        assert len(reply.json()["predictions"]) == 2
        (row,) = instant_server.mock.payloads.entries(token)
        assert (row.request, row.client_request_id, row.status) == (self.ROWS, "c", 200)
        *_, entry = instant_server.mock.journal.entries(token)
        assert (entry.status, entry.body) == (200, self.ROWS.encode())
        shown = rest("GET", "/__mock__/journal").json()["entries"][-1]
        assert shown["body"] == self.ROWS

    def test_answers_have_null_for_them(self, rest: Rest) -> None:
        create(rest, "features", FEATURES)
        outputs = send(rest, "features", '{"dataframe_records": [{"a": NaN, "b": [1, Infinity]}]}').json()["outputs"]
        assert [(row["a"], row["b"]) for row in outputs] == [(None, [1, None])]
        outputs = send(rest, "features", "a\nnan\n", "text/csv").json()["outputs"]
        assert outputs[0]["a"] is None

    def test_scripts_and_plugged_in_models_see_the_body(
        self, rest: Rest, instant_server: MockServer, token: str
    ) -> None:
        create(rest, "sees", custom("main.default.sees"))
        instant_server.mock.models.register(token, "main.default.sees", lambda rows: [str(row["a"]) for row in rows])
        assert send(rest, "sees", self.ROWS).json() == {"predictions": ["nan", "-inf"]}
        instant_server.mock.replies.add(token, rule("scripted", contains={"client_request_id": "c"}))
        assert send(rest, "sees", self.ROWS).json() == {"predictions": ["scripted"]}

    def test_the_model_that_the_path_names_answers(self, rest: Rest) -> None:
        routes = {"routes": [{"served_model_name": "a", "traffic_percentage": 100}]}
        both = custom("main.default.a", name="a"), custom("main.default.b", name="b")
        routes["routes"].append({"served_model_name": "b", "traffic_percentage": 0})
        create(rest, "two", *both, traffic=routes)
        reply = send(rest, "two", self.ROWS, path="/served-models/b")
        assert (reply.status_code, reply.headers["served-model-name"]) == (200, "b")
        assert send(rest, "two", self.ROWS, path="/served-models/c").status_code == 404

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ('{"inputs": [NaN], "client_request_id": 5}', "MALFORMED_REQUEST"),
            ('{"inputs": [1], "usage_context": {"a": 1}}', "INVALID_PARAMETER_VALUE"),
            ('{"inputs": ["\\ud800"]}', "MALFORMED_REQUEST"),
            ('{"inputs": [' + "[" * 300 + "]" * 300 + "]}", "INVALID_PARAMETER_VALUE"),
            ('{"inputs": ' + "[" * 5000 + "]" * 5000 + "}", "BAD_REQUEST"),
            ('{"messages": [{"role": "user", "content": "hi"}], "temperature": NaN}', "INVALID_PARAMETER_VALUE"),
        ],
    )
    def test_what_the_scoring_server_does_not_decide_on_is_refused_by_the_contract(
        self, churn: Rest, rest: Rest, body: str, code: str
    ) -> None:
        create(rest, "features", FEATURES)
        for reply in (churn(body), send(rest, "features", body)):
            assert (reply.status_code, reply.json()["error_code"]) == (400, code)

    def test_a_hosted_model_does_not_take_them(self, rest: Rest) -> None:
        reply = send(rest, LLAMA, '{"messages": [{"role": "user", "content": "hi"}], "temperature": NaN}')
        assert (reply.status_code, reply.json()["error_code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/xml", "application/x-ndjson"])
@pytest.mark.parametrize("body", ['{"inputs": [1]}', '{"inputs": [NaN]}', "x"])
def test_other_content_types_are_refused_as_plain_text_whatever_the_body(churn: Rest, kind: str, body: str) -> None:
    reply = churn(body, kind)
    assert (reply.status_code, reply.headers["Content-Type"]) == (415, "text/plain")
    assert reply.text == (
        "This predictor only supports the following content types: Types: ['text/csv', 'application/json', "
        f"'application/vnd.apache.parquet']. Got '{kind}'."
    )


def test_a_language_models_request_is_one_whatever_else_is_in_it(churn: Rest) -> None:
    for more in ({"inputs": [1]}, {"inputs": [1], "instances": [1]}):
        assert churn({**TURN, **more}).json()["object"] == "chat.completion"


class TestInput:
    """``input`` is what MLflow's embedding models are asked with, and its agents."""

    def test_several_texts_are_embedded(self, churn: Rest) -> None:
        reply = churn({"input": ["a text", "another"]}).json()
        assert (reply["object"], [item["index"] for item in reply["data"]]) == ("list", [0, 1])
        assert {len(item["embedding"]) for item in reply["data"]} == {scoring.DIMENSION}

    def test_one_text_is_embedded_by_what_is_named_like_an_embedder(self, rest: Rest) -> None:
        create(rest, "bge", custom("main.default.bge_small"))
        one, several = (ask(rest, "bge", {"input": given}).json() for given in ("a text", ["a text"]))
        [item] = one["data"]
        assert item == several["data"][0]
        assert ask(rest, "bge", {"inputs": ["a text"]}).json() == {"predictions": [item["embedding"]]}

    def test_turns_and_other_texts_are_an_agents(self, churn: Rest) -> None:
        assert churn({"input": [{"role": "user", "content": "hi"}]}).json()["object"] == "response"
        assert churn({"input": "hi"}).json()["object"] == "response"

    @pytest.mark.parametrize("given", [[], ["a", 1], {"a": 1}])
    def test_what_is_neither_is_refused(self, churn: Rest, given: Any) -> None:
        assert churn({"input": given}).status_code == 400

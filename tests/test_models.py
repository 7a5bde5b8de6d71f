"""Model plug-ins: Python callables and MLflow models, served by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.errors import BadRequest

from mockserver import ServingMock
from mockserver.models import plain, rows_of

ROWS = [{"age": 30}, {"age": 60}]


@pytest.fixture
def query(serving_mock: ServingMock) -> Any:
    """Query the endpoint ``churn``, which serves ``main.default.churn``."""
    entity = {"entity_name": "main.default.churn", "entity_version": "1", "scale_to_zero_enabled": True}
    serving_mock.create("churn", "custom", config={"served_entities": [entity]})
    client = serving_mock.workspace_client(in_process=True)
    return lambda **body: client.serving_endpoints.query("churn", **body)


def test_a_callable_is_given_the_rows_and_answers_predictions(serving_mock: ServingMock, query: Any) -> None:
    serving_mock.model("main.default.churn", lambda rows: [row["age"] / 100 for row in rows])
    assert query(dataframe_records=ROWS).predictions == [0.3, 0.6]
    split: Any = {"columns": ["age"], "data": [[10], [20]]}
    from databricks.sdk.service.serving import DataframeSplitInput

    assert query(dataframe_split=DataframeSplitInput.from_dict(split)).predictions == [0.1, 0.2]


def test_a_callable_may_take_parameters(serving_mock: ServingMock, query: Any) -> None:
    import requests

    serving_mock.model("main.default.churn", lambda rows, params: [params.get("factor", 1)] * len(rows))
    session: requests.Session = serving_mock.session()
    url = "http://serving-mock.localhost/serving-endpoints/churn/invocations"
    answer = session.post(url, json={"inputs": [1, 2], "params": {"factor": 3}})
    assert answer.json()["predictions"] == [3, 3]


def test_an_exception_in_the_model_is_a_refusal_that_names_it(serving_mock: ServingMock, query: Any) -> None:
    def broken(rows: object) -> object:
        raise KeyError("age")

    serving_mock.model("main.default.churn", broken)
    with pytest.raises(BadRequest, match=r"evaluating the model 'main.default.churn': KeyError\('age'\)"):
        query(dataframe_records=ROWS)


def test_models_belong_to_one_workspace(serving_mock: ServingMock) -> None:
    serving_mock.model("m", lambda rows: rows)
    assert serving_mock.mock.models.find(serving_mock.workspace, "m") is not None
    assert serving_mock.mock.models.find("somebody else", "m") is None


def test_a_folder_without_a_model_is_refused(serving_mock: ServingMock, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="it has no file 'MLmodel'"):
        serving_mock.model("m", tmp_path)


def test_what_a_callable_is_given() -> None:
    assert rows_of({"dataframe_split": {"columns": ["a"], "data": [[1]]}}) == [{"a": 1}]
    assert rows_of({"dataframe_split": {"data": [[1]]}}) == [[1]]
    assert rows_of({"instances": [1]}) == [1]
    assert rows_of({"messages": []}) == {"messages": []}


def test_predictions_become_json() -> None:
    class Array:
        def tolist(self) -> list[float]:
            return [1.5, float("nan")]

    assert plain((Array(), {1: {2}}, None, True)) == [[1.5, None], {"1": [2]}, None, True]


MLFLOW = """
import sys
from pathlib import Path
import pandas
from mlflow import pyfunc
from mockserver import ServingMock

class Doubled(pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["x"] * (params or {}).get("factor", 2)

folder = Path(sys.argv[1]) / "doubled"
pyfunc.save_model(str(folder), python_model=Doubled(), pip_requirements=[])
mock = ServingMock()
entity = {"entity_name": "main.default.doubled", "entity_version": "1", "scale_to_zero_enabled": True}
mock.create("doubled", config={"served_entities": [entity]})
mock.model("main.default.doubled", folder)
url = "http://serving-mock.localhost/serving-endpoints/doubled/invocations"
print(mock.session().post(url, json={"dataframe_records": [{"x": 1}, {"x": 2.5}]}).json()["predictions"])
"""


def test_an_mlflow_model_folder_is_loaded_and_asked(tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="MLflow models need pandas")
    pytest.importorskip("mlflow")
    command = [sys.executable, "-c", MLFLOW, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[2.0, 5.0]"

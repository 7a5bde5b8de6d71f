"""Models that really compute: Python callables and MLflow model folders, served as custom models by name.

The handlers of queries ask for the model of a served entity::

    model = call.mock.models.find(call.workspace, entity.model)     # the entity's full name, "main.default.churn"
    if model is not None:
        answer = model(call.body)          # whatever it raises, ``ModelFailure`` included, is for core to answer

``answer`` is the value of ``predictions`` when the body is a scoring request (``dataframe_split``,
``dataframe_records``, ``instances``, ``inputs``). For a chat, completion or agent request it is the text of the answer,
or the whole reply body when it is an object.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from .errors import BadRequest
from .messages import Json

SCORING_FIELDS = ("dataframe_split", "dataframe_records", "instances", "inputs")
ServedModel = Callable[[Json], Json]


class ModelFailure(BadRequest):
    """The model raised an exception: 400, as the service answers when ``predict`` fails."""


class Models:
    """The models of every workspace, by registered name."""

    def __init__(self) -> None:
        self.installed: dict[str, dict[str, ServedModel]] = {}
        """The models of every workspace that has any."""
        self._lock = threading.Lock()

    def register(self, workspace: str, name: str, model: Callable[..., Any] | str | Path) -> None:
        """Serve ``model`` wherever an entity named ``name`` is served in this workspace.

        Args:
            model: a callable ``(inputs)`` or ``(inputs, params)``, or the folder of an MLflow model (the one with the
                file ``MLmodel``). ``inputs`` are the rows of a scoring request (a list of objects for the dataframe
                forms, the value sent for ``instances`` and ``inputs``), the whole body of any other request.

        Raises:
            ValueError: the folder has no MLflow model, or it cannot be loaded.
        """
        served = _callable(name, model) if callable(model) else _pyfunc(name, Path(model))
        with self._lock:
            self.installed.setdefault(workspace, {})[name] = served

    def find(self, workspace: str, name: str) -> ServedModel | None:
        """The model served under this name, ``None`` when nothing was registered."""
        models = self.installed.get(workspace)
        return models.get(name) if models else None

    def clear(self, workspace: str) -> None:
        """Forget the models of one workspace."""
        with self._lock:
            self.installed.pop(workspace, None)


def rows_of(body: Json) -> Json:
    """What a callable is given: rows as objects for the dataframe forms, the value sent for the others."""
    if not isinstance(body, Mapping):
        return body
    if isinstance(body.get("dataframe_split"), dict):
        from .domain.inference import frames

        return frames.of_split(body["dataframe_split"])
    return next((body[name] for name in SCORING_FIELDS if name in body), body)


def plain(value: Any) -> Json:
    """A prediction as JSON: arrays and frames become lists, numbers of other libraries become numbers, NaN is null."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if hasattr(value, "to_dict") and hasattr(value, "columns"):  # a pandas data frame
        return plain(value.to_dict(orient="records"))
    for convert in ("tolist", "item", "isoformat"):
        if hasattr(value, convert):
            return plain(getattr(value, convert)())
    return str(value)


def _callable(name: str, function: Callable[..., Any]) -> ServedModel:
    takes_params = _positions(function) >= 2

    def served(body: Json) -> Json:
        params = body.get("params") or {} if isinstance(body, Mapping) else {}
        try:
            return plain(function(rows_of(body), params) if takes_params else function(rows_of(body)))
        except Exception as problem:
            raise _failure(name, problem) from problem

    return served


def _positions(function: Callable[..., Any]) -> int:
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    if any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in parameters):
        return 2
    return sum(
        parameter.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for parameter in parameters
    )


def _pyfunc(name: str, folder: Path) -> ServedModel:
    if not (folder / "MLmodel").is_file():
        raise ValueError(f"model '{name}': {folder} is not an MLflow model, it has no file 'MLmodel'")
    try:
        from mlflow.pyfunc import load_model
        from mlflow.pyfunc.scoring_server import infer_and_parse_data
    except ImportError as problem:
        raise ValueError(
            f"model '{name}': MLflow models need the extra 'mlflow' ({problem}): "
            "pip install 'serving-endpoints-mock[mlflow]'"
        ) from None
    try:
        model: Any = load_model(str(folder))
    except Exception as problem:
        raise ValueError(f"model '{name}': MLflow cannot load {folder}: {problem}") from problem

    def served(body: Json) -> Json:
        params = body.get("params") if isinstance(body, Mapping) else None
        try:
            if isinstance(body, Mapping) and not body.keys() & set(SCORING_FIELDS):
                return plain(model.predict(dict(body)))
            form = {key: value for key, value in body.items() if key in SCORING_FIELDS}
            data = infer_and_parse_data(form, model.metadata.get_input_schema())
            return plain(model.predict(data, params=params) if params else model.predict(data))
        except Exception as problem:
            raise _failure(name, problem) from problem

    return served


def _failure(name: str, problem: Exception) -> ModelFailure:
    return ModelFailure(f"Encountered an unexpected error while evaluating the model '{name}': {problem!r}")

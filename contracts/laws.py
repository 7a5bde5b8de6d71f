"""The laws: what must be true of the serving-endpoints API, each with an id, a sentence, a reason and a source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

SOURCES = {
    "contract": "the OpenAPI description in the openapi package",
    "sdk": "databricks-sdk, databricks.sdk.service.serving",
    "docs": "the vendor's documentation of Model Serving",
    "recorded": "replies of real workspaces that people have published",
    "http": "RFC 9110, HTTP semantics",
    "sse": "the event-stream format of the HTML standard",
    "mlflow": "MLflow's scoring protocol and deployments client",
    "openai": "the wire format that OpenAI's clients read",
}

ON_REQUEST = frozenset({"rules.one-external"})
"""Laws that differ between versions of the service: asserted only with ``--assert ID``."""


@dataclass(frozen=True, slots=True)
class Law:
    """One law. ``source`` is a key of ``SOURCES``."""

    id: str
    sentence: str
    why: str
    source: str

    @property
    def family(self) -> str:
        return self.id.partition(".")[0]

    @property
    def on_request(self) -> bool:
        return self.id in ON_REQUEST


@cache
def laws() -> dict[str, Law]:
    """All laws by id, in the order of the table."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    table = yaml.load(files(__package__).joinpath("laws.yaml").read_text("utf-8"), Loader=loader)
    return {
        f"{family}.{key}": Law(f"{family}.{key}", *columns)
        for family, entries in table.items()
        for key, columns in entries.items()
    }


def law(identifier: str) -> Law:
    """The law with this id; ``KeyError`` names the nearest one."""
    try:
        return laws()[identifier]
    except KeyError:
        from difflib import get_close_matches

        near = get_close_matches(identifier, laws(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise KeyError(f"there is no law {identifier!r}{hint}") from None

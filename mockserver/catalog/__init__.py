"""The catalogue: Databricks' pay-per-token models, and what is known of other providers' models. Read on first use."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..domain.inference import profiles
from ..domain.inference.profiles import ModelProfile

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class FoundationModel:
    """One pay-per-token endpoint. ``model`` is the name its replies show; ``created`` is in milliseconds."""

    name: str
    task: str
    model: str
    entity_name: str
    created: int
    capabilities: dict[str, bool]
    foundation_model: dict[str, Any]
    dimension: int = 1024
    context: int = 128_000

    @property
    def profile(self) -> ModelProfile:
        """How the model answers."""
        family = profiles.family_of(self.name)
        title = str(self.foundation_model["display_name"])
        return ModelProfile(self.model, family, True, title, self.dimension, self.context)


@cache
def foundation_models() -> tuple[FoundationModel, ...]:
    """The pay-per-token models, the ones the documentation shows first. Treat their dictionaries as read-only."""
    return tuple(FoundationModel(**entry) for entry in _read("foundation_models.json"))


@lru_cache(maxsize=1024)
def foundation_model(name: str) -> FoundationModel | None:
    """The pay-per-token model of an endpoint's, an entity's (``system.ai...``) or a reply's model name."""
    for model in foundation_models():
        if name in (model.name, model.entity_name, model.model):
            return model
    return None


@lru_cache(maxsize=1024)
def hosted_profile(name: str) -> ModelProfile:
    """How a model hosted by Databricks answers: by its endpoint's or its entity's name, known or not."""
    known = foundation_model(name)
    if known is not None:
        return known.profile
    short = name.rpartition(".")[2].removeprefix("databricks-") or name
    return _with_dimension(replace(profiles.hosted(short), display_name=short), short)


@lru_cache(maxsize=1024)
def external_profile(provider: str, model: str) -> ModelProfile:
    """How a provider's model answers behind an endpoint."""
    if provider == "databricks-model-serving":
        return hosted_profile(model)
    profile = replace(profiles.external(_providers()["aliases"].get(model, model), provider), display_name=model)
    return _with_dimension(profile, model, _providers()["provider_dimensions"].get(provider, 1024))


@lru_cache(maxsize=1024)
def custom_profile(entity_name: str) -> ModelProfile:
    """How a chat model or agent that users logged themselves answers; its name is the last part of the entity's."""
    short = entity_name.rpartition(".")[2] or entity_name
    profile = ModelProfile(short, profiles.AGENT, False, short)
    return _with_dimension(profile, short)


def _with_dimension(profile: ModelProfile, model: str, otherwise: int = 1024) -> ModelProfile:
    known = _providers()["embedding_models"].get(model.lower())
    return replace(profile, **known) if known else replace(profile, dimension=otherwise)


@cache
def _providers() -> dict[str, Any]:
    providers: dict[str, Any] = _read("providers.json")
    return providers


def _read(name: str) -> Any:
    return json.loads((_HERE / name).read_text("utf-8"))

"""A served configuration: entities and the traffic between them, made from what a client sent, or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from . import throughput
from .refusals import Refusal, bad_request, invalid

Json = Any
Kind = Literal["external", "custom", "provisioned"]

MAX_ENTITIES = 15  # the docstring says 10, the backend takes 15
MAX_ENVIRONMENT_VARIABLES = 30
MAX_NAME = 255
ENTITY_NAME = re.compile(r"[a-zA-Z0-9_-]{1,255}")
THROUGHPUT_FIELDS = ("min_provisioned_throughput", "max_provisioned_throughput")
CONCURRENCY_FIELDS = ("min_provisioned_concurrency", "max_provisioned_concurrency")
NUMBERS = (*THROUGHPUT_FIELDS, *CONCURRENCY_FIELDS, "provisioned_model_units")
"""The fields that may be sent as text."""
EXTERNAL_EXCLUDES = (
    "entity_name", "entity_version", "workload_size", "workload_type", "scale_to_zero_enabled", *CONCURRENCY_FIELDS,
    "provisioned_model_units",
)  # fmt: skip
SUPPORTED_SIZES = {"Small", "Medium", "Large"}
BOTH_FORMS = (
    "Both served_models and served_entities cannot be provided in the config. "
    "Databricks recommends using only served_entities, because served_models is deprecated."
)


class Entity(NamedTuple):
    """One served entity. ``definition`` holds the fields as configured under their present names."""

    name: str
    definition: Mapping[str, Json]
    creator: str
    created_at: int

    @property
    def kind(self) -> Kind:
        """How this entity is run."""
        if "external_model" in self.definition:
            return "external"
        if any(self.definition.get(name) is not None for name in (*THROUGHPUT_FIELDS, "provisioned_model_units")):
            return "provisioned"
        return "custom"

    @property
    def is_own_language_model(self) -> bool:
        """Whether a model that the user registered runs with provisioned throughput, which language models have."""
        return self.kind == "provisioned" and not self.model.startswith("system.ai.")

    @property
    def is_feature_spec(self) -> bool:
        """Whether features are served: their specification is a function, which has no versions as models have."""
        return self.kind == "custom" and "entity_version" not in self.definition

    @property
    def model(self) -> str:
        """The name of what is served: an external model's name or a registered model's full name."""
        external = self.definition.get("external_model")
        return str(external["name"] if external else self.definition["entity_name"])


class Route(NamedTuple):
    """The share of the requests, in percent, that one entity gets."""

    entity: str
    percentage: int


class Config(NamedTuple):
    """One version of what an endpoint serves."""

    version: int
    entities: tuple[Entity, ...]
    routes: tuple[Route, ...]
    auto_capture: Mapping[str, Json] | None = None

    @property
    def kind(self) -> Kind:
        """How the models are run; a configuration never mixes external models with others."""
        kinds = [entity.kind for entity in self.entities]
        return "external" if "external" in kinds else "provisioned" if "provisioned" in kinds else "custom"

    def entity(self, name: str) -> Entity | None:
        """The entity of this name, if there is one."""
        return next((entity for entity in self.entities if entity.name == name), None)


def build(
    body: Mapping[str, Json], *, version: int, creator: str, now: int, previous: Config | None, many_external: bool
) -> Config:
    """The configuration a client asked for.

    Args:
        body: ``served_entities`` or ``served_models``, ``traffic_config``, ``auto_capture_config``.
        previous: what is served now: entities that stay as they were keep their creation time.
        many_external: whether several external models may share one endpoint.

    Raises:
        Refusal: a rule over several fields is broken.
    """
    definitions = _definitions(body)
    if definitions is None:
        changes_traffic_only = body.get("traffic_config") or body.get("auto_capture_config")
        if previous is None or not changes_traffic_only:
            raise invalid("Missing required field 'served_entities': a config needs at least one served entity.")
        entities = previous.entities
    else:
        entities = _entities(definitions, creator, now, previous)
    _check_kinds(entities, many_external)
    if previous is not None and (previous.kind == "external") != (entities[0].kind == "external"):
        verb = "removed from" if previous.kind == "external" else "added to"
        raise invalid(
            f"external_model cannot be {verb} an existing endpoint: create a new endpoint to change the kind of model."
        )
    routes = _routes(body.get("traffic_config"), entities)
    return Config(version, entities, routes, _auto_capture(body.get("auto_capture_config"), previous))


def _definitions(body: Mapping[str, Json]) -> list[dict[str, Json]] | None:
    entities, models = body.get("served_entities"), body.get("served_models")
    if entities and models:
        raise bad_request(BOTH_FORMS)
    if not entities and not models:
        if entities is None and models is None:
            return None
        raise invalid("Invalid value for 'served_entities': []; at least one served entity is needed.")
    if entities:
        return [_canonical(dict(entity)) for entity in entities]
    renamed = []
    for model in models or []:
        definition = dict(model)
        definition["entity_name"] = definition.pop("model_name", None)
        definition["entity_version"] = definition.pop("model_version", None)
        renamed.append(_canonical(definition))
    return renamed


def _canonical(definition: dict[str, Json]) -> dict[str, Json]:
    """Numbers that may be sent as text become numbers, versions become text, absent members disappear."""
    if None in definition.values():
        definition = {name: value for name, value in definition.items() if value is not None}
    if "entity_version" in definition:
        version = definition["entity_version"]
        definition["entity_version"] = version if isinstance(version, str) else str(int(version))
    for name in NUMBERS:
        if name in definition:
            definition[name] = int(definition[name])
    return definition


def _entities(
    definitions: Sequence[dict[str, Json]], creator: str, now: int, previous: Config | None
) -> tuple[Entity, ...]:
    if len(definitions) > MAX_ENTITIES:
        raise invalid(f"An endpoint can serve at most {MAX_ENTITIES} entities; {len(definitions)} were given.")
    entities: list[Entity] = []
    for index, definition in enumerate(definitions):
        where = f"served_entities[{index}]"
        name = str(definition.pop("name", None) or _default_name(definition, where))
        if not ENTITY_NAME.fullmatch(name):
            raise invalid(
                f"Invalid value for '{where}.name': '{name}'; a served entity's name is made of letters, digits, "
                "dashes and underscores."
            )
        if entities and any(entity.name == name for entity in entities):
            raise invalid(f"Served entity names must be unique within an endpoint: '{name}' was given twice.")
        _check_entity(definition, where)
        kept = previous.entity(name) if previous else None
        if kept is not None and kept.definition == definition:
            entities.append(kept)
        else:
            entities.append(Entity(name, definition, creator, now // 1000 * 1000))
    return tuple(entities)


def _default_name(definition: Mapping[str, Json], where: str) -> str:
    external = definition.get("external_model")
    if external:
        return re.sub(r"[^a-zA-Z0-9_-]", "-", str(external["name"]))[:MAX_NAME]
    if not definition.get("entity_name"):
        raise invalid(f"'{where}' needs exactly one of 'entity_name' and 'external_model'; it has neither.")
    last = str(definition["entity_name"]).rsplit(".", 1)[-1] or "model"
    version = definition.get("entity_version")
    return re.sub(r"[^a-zA-Z0-9_-]", "-", f"{last}-{version}" if version else last)[:MAX_NAME]


def _check_entity(definition: dict[str, Json], where: str) -> None:
    if "external_model" in definition:
        _check_external(definition, where)
        return
    if not definition.get("entity_name"):
        raise invalid(f"'{where}' needs exactly one of 'entity_name' and 'external_model'; it has neither.")
    if len(definition.get("environment_vars") or {}) > MAX_ENVIRONMENT_VARIABLES:
        raise invalid(f"'{where}.environment_vars' may hold at most {MAX_ENVIRONMENT_VARIABLES} variables.")
    _check_throughput(definition, where)
    if "workload_size" in definition and any(name in definition for name in CONCURRENCY_FIELDS):
        raise invalid(
            f"'{where}' has both 'workload_size' and provisioned concurrency; give one of them: "
            "'workload_size', or 'min_provisioned_concurrency' with 'max_provisioned_concurrency'."
        )
    provisioned = any(name in definition for name in (*THROUGHPUT_FIELDS, "provisioned_model_units"))
    if not provisioned and "scale_to_zero_enabled" not in definition:
        raise invalid("scaleToZeroEnabled is undefined. Please set it to either true or false.")
    if not any(name in definition for name in CONCURRENCY_FIELDS):
        definition.setdefault("workload_size", "Small")
    definition.setdefault("workload_type", _default_workload(definition) if provisioned else "CPU")


def _default_workload(definition: Mapping[str, Json]) -> str:
    return "GPU_XLARGE_8" if str(definition["entity_name"]).startswith("system.ai.") else "GPU_MEDIUM"


def _check_external(definition: Mapping[str, Json], where: str) -> None:
    if not definition.keys().isdisjoint(THROUGHPUT_FIELDS):
        # The service refuses these also when they are 0.
        raise invalid(
            f"Provisioned throughput is not supported for served entities with external models: remove "
            f"{' and '.join(name for name in THROUGHPUT_FIELDS if name in definition)} from '{where}'."
        )
    if not definition.keys().isdisjoint(EXTERNAL_EXCLUDES):
        excluded = [name for name in EXTERNAL_EXCLUDES if name in definition]
        raise invalid(f"'{where}' has an external_model, which excludes {', '.join(excluded)}: remove them.")


def _check_throughput(definition: Mapping[str, Json], where: str) -> None:
    for low, high in (THROUGHPUT_FIELDS, CONCURRENCY_FIELDS):
        least, most = definition.get(low), definition.get(high)
        if least is not None and most is not None and least > most:
            raise invalid(f"'{where}.{low}' ({least}) must not be greater than '{where}.{high}' ({most}).")
    if any(definition.get(name) for name in THROUGHPUT_FIELDS) and not throughput.is_eligible(
        str(definition["entity_name"])
    ):
        raise invalid(f"Served entity {definition['entity_name']} is not eligible for Provisioned Throughput.")


def _check_kinds(entities: tuple[Entity, ...], many_external: bool) -> None:
    if len(entities) == 1:
        return
    external = [entity for entity in entities if entity.kind == "external"]
    if not external:
        return
    if len(external) < len(entities):
        raise invalid("External models cannot be served together with other kinds of models on one endpoint.")
    if len(external) > 1 and not many_external:
        raise invalid(f"An endpoint with an external_model has exactly one served entity; {len(external)} were given.")
    tasks = sorted({entity.definition["external_model"]["task"] for entity in external})
    if len(tasks) > 1:
        raise invalid(f"All external models of an endpoint must have the same task; found {', '.join(tasks)}.")


def _routes(traffic: Mapping[str, Json] | None, entities: tuple[Entity, ...]) -> tuple[Route, ...]:
    given = (traffic or {}).get("routes") or []
    if not given:
        if len(entities) > 1:
            raise invalid(
                "Missing required field 'traffic_config': with more than one served entity the routes say what share "
                "of the requests each gets."
            )
        return (Route(entities[0].name, 100),)
    routes: list[Route] = []
    for index, route in enumerate(given):
        routes.append(Route(_routed_entity(route, f"traffic_config.routes[{index}]", entities), _percentage(route)))
        if index and any(earlier.entity == routes[-1].entity for earlier in routes[:-1]):
            raise invalid(f"Served entity '{routes[-1].entity}' has more than one route; give it one.")
    total = sum(route.percentage for route in routes)
    if total != 100:
        raise invalid(f"The traffic percentages must sum to 100; they sum to {total}.")
    return tuple(routes)


def _percentage(route: Mapping[str, Json]) -> int:
    return int(route["traffic_percentage"])


def _routed_entity(route: Mapping[str, Json], where: str, entities: tuple[Entity, ...]) -> str:
    given = [route[name] for name in ("served_entity_name", "served_model_name") if route.get(name)]
    if not given:
        raise invalid(f"'{where}' names no served entity: set 'served_entity_name'.")
    if len(set(given)) > 1:
        raise invalid(f"'{where}' names two different entities: '{given[0]}' and '{given[1]}'.")
    names = [entity.name for entity in entities]
    if given[0] not in names:
        raise invalid(f"'{where}' names the served entity '{given[0]}', which is none of: {', '.join(names)}.")
    return str(given[0])


def _auto_capture(given: Mapping[str, Json] | None, previous: Config | None) -> Mapping[str, Json] | None:
    before = previous.auto_capture if previous else None
    if given is None:
        return before
    if before is not None:
        if before.get("enabled") is False and given.get("enabled", True):
            raise invalid("auto_capture_config cannot be enabled again once it was disabled.")
        for name in ("catalog_name", "schema_name", "table_name_prefix"):
            if given.get(name) is not None and given[name] != before.get(name):
                raise invalid(f"auto_capture_config.{name} cannot be changed from '{before.get(name)}' once it is set.")
    return {"enabled": True, **(before or {}), **given}


__all__ = ["Config", "Entity", "Kind", "Refusal", "Route", "build"]

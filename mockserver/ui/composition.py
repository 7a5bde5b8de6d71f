"""The form of an endpoint: its served entities by kind, traffic, tags, limits and gateway, and the body they make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal, get_args

from openapi import Spec

from .. import catalog
from ..domain import throughput
from ..domain.config import THROUGHPUT_FIELDS
from . import forms
from .fields import Field, Form, form_of
from .forms import Errors, Values

Part = Literal["endpoint", "config", "gateway", "rate-limits", "telemetry"]
"""What a form is about: a new endpoint, or one side of the one that is called ``name``."""

KIND_TITLES: dict[str, str] = {
    "foundation": "Foundation model",
    "external": "External model",
    "custom": "Custom model",
}
PARTS: dict[str, Part] = {part: part for part in get_args(Part)}
ENTITIES = "config.served_entities"
ROUTES = "config.traffic_config.routes"
TAGS = "tags"
LIMITS = "ai_gateway.rate_limits"
OLDER_LIMITS = "rate_limits"
ARRAYS = frozenset({ENTITIES, TAGS, LIMITS, OLDER_LIMITS})
TELEMETRY = "telemetry_config"
GATEWAY = "ai_gateway"
SWITCHED = "ai_gateway?on"
SIZINGS = slice(1, None)
"""The ways to size a registered model among the contract's alternatives of a served entity; the first is external."""


def providers(spec: Spec) -> dict[str, str]:
    """The providers of external models, by value, with their titles."""
    return {
        variant.fixed["provider"]: variant.title
        for variant in sorted(form_of(spec, "ExternalModelInput").variants, key=lambda each: each.title.lower())
    }


@lru_cache(maxsize=64)
def external_form(spec: Spec, provider: str) -> Form:
    """The form of an external model of one provider: name, task and the provider's own settings."""
    whole = form_of(spec, "ExternalModelInput")
    index = next(i for i, variant in enumerate(whole.variants) if variant.fixed["provider"] == provider)
    fields = []
    for each in whole.chosen(index):
        if each.kind == "group":
            title = f"Access to {whole.variants[index].title}" if provider != "custom" else "Access to the provider"
            fields.append(replace(each, title=title))
        else:
            fields.append(replace(each, title={"name": "Model name"}.get(each.name, "")))
    return Form(tuple(fields))


@lru_cache(maxsize=64)
def entity_form(spec: Spec, kind: str, provider: str, model: str) -> Form:
    """The form of one served entity. ``model`` is the registered model's name."""
    whole = form_of(spec, "ServedEntityInput")
    if kind == "external":
        external = replace(whole.member("external_model"), required=True, form=external_form(spec, provider))
        return Form((external, replace(whole.member("name"), title="Served entity name")))
    titles = {"name": "Served entity name", "entity_version": "Version"}
    if kind == "foundation":
        sizes = THROUGHPUT_FIELDS if throughput.is_eligible(model) else ("provisioned_model_units",)
        form = whole.only("entity_version", *sizes, "burst_scaling_enabled", "name", titles=titles)
        needed = sizes[-1]  # it would be taken for a custom model without
        return Form(tuple(replace(_with_chunk(each, model), required=each.name == needed) for each in form.fields))
    return whole.only(
        "entity_version", "workload_type", "workload_size", "min_provisioned_concurrency",
        "max_provisioned_concurrency", "scale_to_zero_enabled", "environment_vars", "instance_profile_arn", "name",
        titles=titles, variants=whole.variants[SIZINGS],
    )  # fmt: skip


def _with_chunk(each: Field, model: str) -> Field:
    chunk = throughput.chunk_of(model) if each.name.endswith("_throughput") else None
    if chunk is None:
        return each
    return replace(each, help=f"{each.help} Here: {chunk.size:,} tokens per second.", example=str(chunk.size))


def tag_form(spec: Spec) -> Form:
    """The form of one tag."""
    return form_of(spec, "EndpointTagInput").only("key", "value", titles={})


def limit_form(spec: Spec) -> Form:
    """The form of one rate limit."""
    return form_of(spec, "AiGatewayRateLimitInput").only(
        "key", "principal", "calls", "tokens", "renewal_period", titles={"key": "Limit for"}
    )


def older_limit_form(spec: Spec) -> Form:
    """The form of one rate limit as the deprecated operation takes it."""
    return form_of(spec, "RateLimitInput").only("key", "calls", "renewal_period", titles={"key": "Limit for"})


def telemetry_form(spec: Spec) -> Form:
    """The form of where an endpoint's logs, metrics and traces go."""
    return form_of(spec, "TelemetryConfigInput")


def gateway_form(spec: Spec) -> Form:
    """The form of the AI Gateway's settings apart from the rate limits."""
    whole = form_of(spec, "AiGatewayConfigInput")
    return Form(tuple(each for each in whole.fields if each.name != "rate_limits"), (), whole.help)


def hosted_models() -> list[str]:
    """The foundation models that can be served with throughput of their own."""
    names = (model.entity_name for model in catalog.foundation_models())
    return [name for name in names if throughput.chunk_of(name) is not None]


class Composition:
    """An endpoint that is being put together: what was typed so far, and what the API says of it."""

    def __init__(self, spec: Spec, values: Values, *, part: Part = "endpoint", name: str = "") -> None:
        self.spec = spec
        self.values = values
        self.part = part
        self.name = name
        self.errors = Errors()

    @property
    def entities(self) -> range:
        """The served entities on the screen; there is always one."""
        return range(max(1, forms.count(self.values, ENTITIES)))

    @property
    def tags(self) -> range:
        """The tags on the screen."""
        return range(forms.count(self.values, TAGS))

    @property
    def limits(self) -> range:
        """The rate limits on the screen."""
        return range(forms.count(self.values, LIMITS))

    @property
    def older_limits(self) -> range:
        """The older rate limits on the screen."""
        return range(forms.count(self.values, OLDER_LIMITS))

    @property
    def tag_form(self) -> Form:
        """The fields of one tag."""
        return tag_form(self.spec)

    @property
    def limit_form(self) -> Form:
        """The fields of one rate limit."""
        return limit_form(self.spec)

    @property
    def older_limit_form(self) -> Form:
        """The fields of one of the older rate limits."""
        return older_limit_form(self.spec)

    @property
    def telemetry_form(self) -> Form:
        """The fields of the telemetry."""
        return telemetry_form(self.spec)

    @property
    def gateway_form(self) -> Form:
        """The fields of the AI Gateway."""
        return gateway_form(self.spec)

    @property
    def has_gateway(self) -> bool:
        """Whether the AI Gateway's settings are on the screen."""
        return SWITCHED in self.values

    def value(self, path: str) -> str:
        """What was typed there."""
        return self.values.get(path, "")

    def variant(self, path: str) -> int:
        """Which way to fill in this object was chosen."""
        return forms.variant_of(self.values, path)

    def problems(self, path: str) -> list[str]:
        """What the API found wrong there."""
        return self.errors.at.get(path, [])

    def kind(self, index: int) -> str:
        """What kind of entity was selected; empty before that."""
        kind = self.value(f"{ENTITIES}[{index}]?kind")
        return kind if kind in KIND_TITLES else ""

    def provider(self, index: int) -> str:
        """The provider that was selected; empty before that, and for what is no provider."""
        provider = self.value(f"{ENTITIES}[{index}]?provider")
        return provider if provider in providers(self.spec) else ""

    def model(self, index: int) -> str:
        """The registered model that was selected."""
        return self.value(f"{ENTITIES}[{index}].entity_name")

    def title(self, index: int) -> str:
        """The selected entity in words."""
        kind = self.kind(index)
        if kind == "external":
            return f"{KIND_TITLES[kind]}: {providers(self.spec).get(self.provider(index), '')}"
        return f"{KIND_TITLES[kind]}: {self.model(index)}" if kind else ""

    def form(self, index: int) -> Form | None:
        """The fields of an entity, once it is selected."""
        kind, provider = self.kind(index), self.provider(index)
        if not kind or (kind == "external" and not provider):
            return None
        return entity_form(self.spec, kind, provider, self.model(index))

    def select(self, index: int, choice: Mapping[str, str]) -> str | None:
        """Take what was chosen in *Select served entity*; what is missing, if anything."""
        kind, place = choice.get("?kind", ""), f"{ENTITIES}[{index}]"
        if kind not in KIND_TITLES:
            return "Choose what kind of model to serve."
        if kind == "external":
            if choice.get("?provider") not in providers(self.spec):
                return "Choose the provider."
            self.values |= {f"{place}?kind": kind, f"{place}?provider": choice["?provider"]}
            return None
        name = choice.get(f"?{kind}-model", "").strip()
        if not name:
            return "Choose the model." if kind == "foundation" else "Give the model's full name in the registry."
        self.values |= {f"{place}?kind": kind, f"{place}.entity_name": name}
        self.values.setdefault(f"{place}.entity_version", "1")
        return None

    def config(self) -> dict[str, Any]:
        """The configuration as the API takes it."""
        entities = [self._entity(index) for index in self.entities]
        config: dict[str, Any] = {"served_entities": entities}
        if len(entities) > 1:
            config["traffic_config"] = {
                "routes": [
                    {
                        "served_entity_name": entity.get("name", ""),
                        "traffic_percentage": forms.number(self.value(f"{ROUTES}[{index}].traffic_percentage")),
                    }
                    for index, entity in enumerate(entities)
                ]
            }
        return config

    def body(self) -> dict[str, Any]:
        """The request that creates the endpoint."""
        body: dict[str, Any] = {name: self.value(name) for name in ("name", "description") if self.value(name)}
        body["config"] = self.config()
        tags = [self._item(tag_form(self.spec), TAGS, index) for index in self.tags]
        optional = {"ai_gateway": self.gateway(), "tags": tags, "route_optimized": bool(self.value("route_optimized"))}
        return {**body, **{name: value for name, value in optional.items() if value}}

    def gateway(self) -> dict[str, Any]:
        """The AI Gateway's settings as the API takes them."""
        gateway = forms.read(gateway_form(self.spec), self.values, GATEWAY) if self.has_gateway else {}
        if self.limits:
            gateway["rate_limits"] = [self._item(limit_form(self.spec), LIMITS, index) for index in self.limits]
        return gateway

    def older_rate_limits(self) -> dict[str, Any]:
        """The older rate limits as the deprecated operation takes them."""
        form = older_limit_form(self.spec)
        return {"rate_limits": [self._item(form, OLDER_LIMITS, index) for index in self.older_limits]}

    def telemetry(self) -> dict[str, Any]:
        """The telemetry's settings as the API takes them; without any, telemetry is switched off."""
        settings = forms.read(telemetry_form(self.spec), self.values, TELEMETRY)
        return {"telemetry_config": settings} if settings else {}

    def shown(self) -> set[str]:
        """Every place at which an error can be shown."""
        return set(self._shown())

    def _shown(self) -> Iterator[str]:
        yield from ("name", "description", "route_optimized") if self.part == "endpoint" else ()
        for index in self.entities:
            form, place = self.form(index), f"{ENTITIES}[{index}]"
            yield from (place,) if form is None else forms.paths(form, self.values, place)
            yield from (f"{place}.entity_name", f"{ROUTES}[{index}].traffic_percentage")
        for form, array, items in (
            (tag_form(self.spec), TAGS, self.tags),
            (limit_form(self.spec), LIMITS, self.limits),
            (older_limit_form(self.spec), OLDER_LIMITS, self.older_limits),
        ):
            for index in items:
                yield from forms.paths(form, self.values, f"{array}[{index}]")
        if self.has_gateway:
            yield from forms.paths(gateway_form(self.spec), self.values, GATEWAY)
        if self.part == "telemetry":
            yield from forms.paths(telemetry_form(self.spec), self.values, TELEMETRY)

    def _entity(self, index: int) -> dict[str, Any]:
        form, place = self.form(index), f"{ENTITIES}[{index}]"
        if form is None:
            return {}
        entity = forms.read(form, self.values, place)
        if self.kind(index) == "external":
            entity["external_model"]["provider"] = self.provider(index)
        else:
            entity["entity_name"] = self.model(index)
        return entity

    def _item(self, form: Form, array: str, index: int) -> dict[str, Any]:
        return forms.read(form, self.values, f"{array}[{index}]")


def gateway_of(spec: Spec, gateway: Mapping[str, Any], name: str) -> Composition:
    """A form that says how an endpoint's AI Gateway is set now."""
    values = {SWITCHED: "1", **forms.written(gateway_form(spec), gateway, GATEWAY)}
    for index, limit in enumerate(gateway.get("rate_limits", ())):
        values |= {f"{LIMITS}[{index}]?": "1", **forms.written(limit_form(spec), limit, f"{LIMITS}[{index}]")}
    return Composition(spec, values, part="gateway", name=name)


def older_limits_of(spec: Spec, limits: Iterable[Mapping[str, Any]], name: str) -> Composition:
    """A form that says which of the older rate limits an endpoint has now."""
    values: Values = {}
    for index, limit in enumerate(limits):
        place = f"{OLDER_LIMITS}[{index}]"
        values |= {f"{place}?": "1", **forms.written(older_limit_form(spec), limit, place)}
    return Composition(spec, values, part="rate-limits", name=name)


def telemetry_of(spec: Spec, telemetry: Mapping[str, Any], name: str) -> Composition:
    """A form that says where an endpoint's telemetry goes now. The tables it was made from are not told."""
    values = forms.written(telemetry_form(spec), telemetry, TELEMETRY)
    return Composition(spec, values, part="telemetry", name=name)


def composed_of(spec: Spec, config: Mapping[str, Any], name: str) -> Composition:
    """A form that says what an endpoint serves now. Secrets that were given as plaintext are not in it."""
    values: Values = {}
    shares = {
        route["served_model_name"]: route["traffic_percentage"]
        for route in config.get("traffic_config", {}).get("routes", ())
    }
    for index, entity in enumerate(config.get("served_entities", ())):
        place = f"{ENTITIES}[{index}]"
        external = entity.get("external_model")
        sized = any(name.startswith(("min_provisioned_th", "max_provisioned_th", "provisioned_m")) for name in entity)
        kind = "external" if external else "foundation" if sized else "custom"
        provider, model = (external or {}).get("provider", ""), entity.get("entity_name", "")
        values |= forms.written(entity_form(spec, kind, provider, model), entity, place)
        values |= {f"{place}?kind": kind, f"{place}?provider": provider, f"{place}.entity_name": model}
        values[f"{ROUTES}[{index}].traffic_percentage"] = str(shares.get(entity["name"], 0))
    return Composition(spec, values, part="config", name=name)

"""What is set beside the configuration: rate limits, AI gateway, tags, notifications, telemetry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..domain.endpoint import Endpoint
from ..domain.refusals import conflict, invalid
from ..messages import Call, Json
from . import handler
from .access import FoundationSettings, endpoint_of, foundation_of, foundation_settings
from .rendering import detailed, seeded_uuid

GATEWAY_FIELDS = (
    "fallback_config", "guardrails", "inference_table_config", "rate_limits", "usage_tracking_config",
)  # fmt: skip
TABLE_NAMES = ("catalog_name", "schema_name", "table_name_prefix")
LIMITS_PER_KEY = {"user": 1, "endpoint": 1}


@handler
def put_rate_limits(call: Call) -> Json:
    limits = checked_limits(call.body.get("rate_limits") or ())
    with call.mock.transaction(call.workspace) as transaction:
        model = foundation_of(call)
        if model is not None:
            settings = foundation_settings(model.name, transaction)
            transaction.put(model.name, replace(settings, rate_limits=tuple(limits), updated_at=call.now))
        else:
            endpoint, _ = endpoint_of(call, transaction)
            _check_configured(endpoint, "rate_limits")
            transaction.put(endpoint.name, endpoint.changed(call.now, rate_limits=tuple(limits)))
    return {"rate_limits": limits}


@handler
def put_ai_gateway(call: Call) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        model = foundation_of(call)
        if model is not None:
            settings = foundation_settings(model.name, transaction)
            gateway = checked(call.body, model.name, settings.ai_gateway)
            changed: FoundationSettings | Endpoint = replace(settings, ai_gateway=gateway or None, updated_at=call.now)
        else:
            endpoint, _ = endpoint_of(call, transaction)
            _check_configured(endpoint, "ai_gateway")
            gateway = checked(call.body, endpoint.name, endpoint.ai_gateway)
            changed = endpoint.changed(call.now, ai_gateway=gateway or None)
        transaction.put(changed.name, changed)
    return gateway


@handler
def patch_tags(call: Call) -> Json:
    add = tuple(call.body.get("add_tags") or ())
    delete = tuple(call.body.get("delete_tags") or ())
    with call.mock.transaction(call.workspace) as transaction:
        endpoint, _ = endpoint_of(call, transaction)
        endpoint = endpoint.tag(add, delete, call.now)
        transaction.put(endpoint.name, endpoint)
    return {"tags": [*endpoint.tags]}


@handler
def update_notifications(call: Call) -> Json:
    notifications = call.body.get("email_notifications") or {}
    with call.mock.transaction(call.workspace) as transaction:
        endpoint, _ = endpoint_of(call, transaction)
        # Only this operation makes notifications appear in later reads; those given on create stay unseen.
        endpoint = endpoint.changed(call.now, email_notifications=notifications, notifications_shown=True)
        transaction.put(endpoint.name, endpoint)
    return {"name": endpoint.name, "email_notifications": notifications}


@handler
def patch_telemetry_config(call: Call) -> Json:
    with call.mock.transaction(call.workspace) as transaction:
        endpoint, level = endpoint_of(call, transaction)
        kind = "NO_CONFIG" if endpoint.any_config is None else endpoint.any_config.kind
        if kind in ("NO_CONFIG", "external"):
            shown = "EXTERNAL_MODELS" if kind == "external" else kind
            raise invalid(
                f"Telemetry configuration is not supported for endpoint type '{shown}'. "
                "This API only supports endpoints with custom served models."
            )
        if endpoint.is_updating(call.now):
            raise conflict(
                f"Endpoint {endpoint.name} is currently updating. Wait for the update to complete before updating its "
                "telemetry configuration."
            )
        telemetry = telemetry_of(call, endpoint.name, call.body.get("telemetry_config"), endpoint.telemetry)
        endpoint = endpoint.changed(call.now, telemetry=telemetry)
        transaction.put(endpoint.name, endpoint)
    return detailed(call, endpoint, level)


def checked_limits(limits: Iterable[Mapping[str, Json]]) -> list[Json]:
    """The rate limits of the deprecated operation.

    Raises:
        Refusal: two limits have the same key.
    """
    checked = [whole_numbers(limit) for limit in limits]
    keys = [limit.get("key", "endpoint") for limit in checked]
    for key in LIMITS_PER_KEY:
        if keys.count(key) > 1:
            raise invalid(f"There can be only one rate limit with key '{key}'; {keys.count(key)} were given.")
    return checked


def whole_numbers(limit: Mapping[str, Json]) -> dict[str, Json]:
    """A limit whose counts, which may be sent as text, are numbers."""
    counts = {name: int(limit[name]) for name in ("calls", "tokens") if limit.get(name) is not None}
    return {**limit, **counts}


def checked(given: Mapping[str, Json], name: str, before: Mapping[str, Json] | None) -> dict[str, Json]:
    """The AI gateway settings that replace ``before``.

    Raises:
        Refusal: a rule over several fields is broken.
    """
    gateway = {field: given[field] for field in GATEWAY_FIELDS if given.get(field) is not None}
    if "rate_limits" in gateway:
        gateway["rate_limits"] = [whole_numbers(limit) for limit in gateway["rate_limits"]]
    for index, limit in enumerate(gateway.get("rate_limits") or ()):
        where = f"rate_limits[{index}]"
        if limit.get("calls") is None and limit.get("tokens") is None:
            raise invalid(f"'{where}' limits nothing: set 'calls', 'tokens' or both.")
        needs_principal = limit.get("key") in ("user_group", "service_principal")
        if needs_principal and not limit.get("principal"):
            raise invalid(f"'{where}' has key '{limit['key']}', which needs a 'principal'.")
    table = gateway.get("inference_table_config")
    if table is not None:
        gateway["inference_table_config"] = _inference_table(table, name, (before or {}).get("inference_table_config"))
    return gateway


def _inference_table(table: Mapping[str, Json], name: str, before: Mapping[str, Json] | None) -> dict[str, Json]:
    if table.get("enabled"):
        for field in ("catalog_name", "schema_name"):
            if not table.get(field):
                raise invalid(f"Missing required field 'inference_table_config.{field}': it is needed to enable it.")
    shown = {**table, "table_name_prefix": table.get("table_name_prefix") or name}
    if before is not None and before.get("enabled") and table.get("enabled"):
        for field in TABLE_NAMES:
            if shown.get(field) != before.get(field):
                raise invalid(
                    f"inference_table_config.{field} cannot be changed from '{before.get(field)}' while the inference "
                    "table is enabled: disable it first."
                )
    return shown


def telemetry_of(
    call: Call, name: str, given: Mapping[str, Json] | None, before: Mapping[str, Json] | None
) -> dict[str, Json] | None:
    """The telemetry settings as they are shown: table names are taken in and a profile stands for them afterwards."""
    if given is None:
        return None
    tables = given.get("table_names")
    profile = given.get("telemetry_profile_id")
    if not tables and not profile:
        return dict(before) if before is not None else None
    if tables and profile:
        raise invalid("'telemetry_config' has both 'telemetry_profile_id' and 'table_names'; give one of them.")
    shown = {field: value for field, value in given.items() if field != "table_names" and value is not None}
    if tables:
        shown["telemetry_profile_id"] = seeded_uuid(call, "telemetry", name, repr(sorted(tables.items())))
        if shown.get("inference_table_config") is not None and tables.get("logs_table"):
            payload = {"name": f"{tables['logs_table']}_payload"}
            shown["inference_table_config"] = {**shown["inference_table_config"], **payload}
    return shown


def _check_configured(endpoint: Endpoint, what: str) -> None:
    if endpoint.any_config is None:
        raise invalid(f"Cannot specify {what} for endpoint '{endpoint.name}' without a config.")

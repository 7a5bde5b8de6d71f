"""The unmodified databricks-sdk on what an endpoint has beside its life: settings, documents, rights; and refusals."""

from __future__ import annotations

import json

import pytest
from conftest import sdk
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
    Unauthenticated,
)
from databricks.sdk.service import serving
from entities_for_sdk import config, created, custom, external

from mockserver import MockServer


def test_refusals_are_the_sdks_own_exceptions(workspace: WorkspaceClient, instant_server: MockServer) -> None:
    workspace.serving_endpoints.create("taken", config=config(external()))
    with pytest.raises(ResourceAlreadyExists):
        workspace.serving_endpoints.create("taken", config=config(external()))
    with pytest.raises(InvalidParameterValue, match="Endpoint name must be maximum 63 characters"):
        workspace.serving_endpoints.create("-bad-", config=config(external()))
    with pytest.raises(InvalidParameterValue, match="scaleToZeroEnabled is undefined"):
        workspace.serving_endpoints.create("no-flag", config=config(custom(scale_to_zero_enabled=None)))
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        sdk(instant_server.url, "dapi-wrong").serving_endpoints.get("taken")


def test_a_missing_credential_is_unauthenticated(instant_server: MockServer) -> None:
    w = WorkspaceClient(host=instant_server.url, token="x", auth_type="pat")
    w.config._header_factory = dict  # type: ignore[assignment]  # the one way to make the SDK send no credential at all
    with pytest.raises(Unauthenticated, match="Credential was not sent"):
        list(w.serving_endpoints.list())


def test_rate_limits_are_echoed_and_not_shown_by_get(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("limited", config=config(external()))
    limit = serving.RateLimit(10, serving.RateLimitRenewalPeriod.MINUTE, serving.RateLimitKey.USER)
    assert workspace.serving_endpoints.put("limited", rate_limits=[limit]).rate_limits == [limit]
    assert workspace.serving_endpoints.put("databricks-dbrx-instruct", rate_limits=[limit]).rate_limits == [limit]


def test_the_ai_gateway_is_replaced_as_a_whole_and_shown_by_get_and_list(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("gated", config=config(external()))
    usage = serving.AiGatewayUsageTrackingConfig(enabled=True)
    table = serving.AiGatewayInferenceTableConfig(catalog_name="main", schema_name="logs", enabled=True)
    answer = workspace.serving_endpoints.put_ai_gateway(
        "gated", usage_tracking_config=usage, inference_table_config=table
    )
    assert answer.inference_table_config is not None
    assert answer.inference_table_config.table_name_prefix == "gated"
    shown = workspace.serving_endpoints.get("gated").ai_gateway
    assert shown is not None
    assert shown.as_dict() == {
        "usage_tracking_config": {"enabled": True},
        "inference_table_config": {
            "catalog_name": "main",
            "schema_name": "logs",
            "enabled": True,
            "table_name_prefix": "gated",
        },
    }
    workspace.serving_endpoints.put_ai_gateway("gated", usage_tracking_config=usage)
    listed = {endpoint.name: endpoint for endpoint in workspace.serving_endpoints.list()}["gated"].ai_gateway
    assert listed is not None
    assert listed.inference_table_config is None


def test_tags_are_added_changed_and_deleted(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("tagged", config=config(external()), tags=[serving.EndpointTag("a", "1")])
    answer = workspace.serving_endpoints.patch(
        "tagged", add_tags=[serving.EndpointTag("b", "2"), serving.EndpointTag("a", "3")], delete_tags=["none"]
    )
    assert answer.tags is not None
    assert {tag.key: tag.value for tag in answer.tags} == {"a": "3", "b": "2"}
    workspace.serving_endpoints.patch("tagged", delete_tags=["a"])
    assert [tag.key for tag in workspace.serving_endpoints.get("tagged").tags or []] == ["b"]


def test_notifications_appear_only_after_they_were_patched(workspace: WorkspaceClient) -> None:
    emails = serving.EmailNotifications(on_update_failure=["a@example.com"])
    workspace.serving_endpoints.create("loud", config=config(external()), email_notifications=emails)
    assert workspace.serving_endpoints.get("loud").email_notifications is None
    answer = workspace.serving_endpoints.update_notifications("loud", email_notifications=emails)
    assert (answer.name, answer.email_notifications) == ("loud", emails)
    assert workspace.serving_endpoints.get("loud").email_notifications == emails


def test_telemetry_takes_tables_in_and_shows_a_profile(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("traced", config=config(custom()))
    tables = serving.UnityCatalogTableNames(logs_table="main.logs.endpoint")
    sampled = serving.TelemetryInferenceTableConfig(sampling_fraction=0.5)
    given = serving.TelemetryConfig(table_names=tables, inference_table_config=sampled)
    shown = workspace.serving_endpoints.patch_telemetry_config("traced", telemetry_config=given).telemetry_config
    assert shown is not None
    assert shown.table_names is None
    assert shown.telemetry_profile_id
    assert shown.inference_table_config is not None
    assert shown.inference_table_config.name == "main.logs.endpoint_payload"
    assert workspace.serving_endpoints.patch_telemetry_config("traced").telemetry_config is None
    workspace.serving_endpoints.create("outside", config=config(external()))
    with pytest.raises(InvalidParameterValue, match="not supported for endpoint type 'EXTERNAL_MODELS'"):
        workspace.serving_endpoints.patch_telemetry_config("outside", telemetry_config=given)


def test_telemetry_is_refused_during_an_update(paced_server: MockServer, token: str) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    w.serving_endpoints.create("traced", config=config(custom()))
    with pytest.raises(ResourceConflict, match="Endpoint traced is currently updating"):
        w.serving_endpoints.patch_telemetry_config("traced", telemetry_config=serving.TelemetryConfig())


def test_logs_build_logs_metrics_and_openapi_speak_of_their_endpoint(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("wine", config=config(custom("1")))
    workspace.serving_endpoints.create("beer", config=config(custom("2")))
    logs = workspace.serving_endpoints.logs("wine", "wine-1").logs
    assert "main.models.wine, version 1" in logs
    assert logs == workspace.serving_endpoints.logs("wine", "wine-1").logs
    assert logs != workspace.serving_endpoints.logs("beer", "wine-2").logs
    assert "image creation completed" in workspace.serving_endpoints.build_logs("wine", "wine-1").logs
    metrics = workspace.serving_endpoints.export_metrics("wine").contents
    assert metrics is not None
    assert 'request_count_total{endpoint_name="wine",served_entity_name="wine-1"} 0' in metrics.read().decode()
    contents = workspace.serving_endpoints.get_open_api("wine").contents
    assert contents is not None
    document = json.loads(contents.read())
    assert document["info"]["title"] == "wine"
    assert "/served-models/wine-1/invocations" in document["paths"]
    with pytest.raises(NotFound, match="'none' does not exist"):
        workspace.serving_endpoints.logs("wine", "none")


def test_permissions_are_replaced_merged_and_described(workspace: WorkspaceClient) -> None:
    endpoint_id = created(workspace, "shared").id
    assert endpoint_id is not None
    access = serving.ServingEndpointAccessControlRequest
    level = serving.ServingEndpointPermissionLevel
    answer = workspace.serving_endpoints.set_permissions(
        endpoint_id, access_control_list=[access(user_name="ann@example.com", permission_level=level.CAN_VIEW)]
    )
    assert direct(answer) == {"ann@example.com": "CAN_VIEW"}
    answer = workspace.serving_endpoints.update_permissions(
        endpoint_id,
        access_control_list=[
            access(group_name="team", permission_level=level.CAN_QUERY),
            access(user_name="ann@example.com", permission_level=level.CAN_MANAGE),
        ],
    )
    assert direct(answer) == {"ann@example.com": "CAN_MANAGE", "team": "CAN_QUERY"}
    assert direct(workspace.serving_endpoints.get_permissions(endpoint_id)) == direct(answer)
    inherited = [entry for entry in answer.access_control_list or [] if entry.group_name == "admins"]
    assert inherited[0].all_permissions is not None
    assert inherited[0].all_permissions[0].inherited is True
    levels = workspace.serving_endpoints.get_permission_levels(endpoint_id).permission_levels or []
    assert {entry.permission_level.value for entry in levels if entry.permission_level} == {
        "CAN_MANAGE",
        "CAN_QUERY",
        "CAN_VIEW",
    }
    with pytest.raises(InvalidParameterValue, match="'shared' is not a valid Inference Endpoint ID"):
        workspace.serving_endpoints.get_permissions("shared")


def direct(permissions: serving.ServingEndpointPermissions) -> dict[str | None, str]:
    return {
        entry.user_name or entry.group_name or entry.service_principal_name: permission.permission_level.value
        for entry in permissions.access_control_list or []
        for permission in entry.all_permissions or []
        if permission.permission_level and not permission.inherited
    }


def test_the_current_user_and_the_workspace_id_are_known(workspace: WorkspaceClient) -> None:
    assert workspace.current_user.me().user_name == "user@email.com"
    assert workspace.get_workspace_id() > 0


def test_a_service_principal_signs_in_and_needs_permissions(instant_server: MockServer) -> None:
    owner = WorkspaceClient(host=instant_server.url, token="dapi-mock", auth_type="pat")
    principal = WorkspaceClient(
        host=instant_server.url, client_id="mock-client-id", client_secret="mock-client-secret", auth_type="oauth-m2m"
    )
    assert principal.current_user.me().user_name == "mock-client-id"
    endpoint_id = created(owner, "for-sp").id
    assert endpoint_id is not None
    with pytest.raises(PermissionDenied, match="User does not have permission 'View' on Endpoint for-sp"):
        principal.serving_endpoints.get("for-sp")
    assert "for-sp" not in {endpoint.name for endpoint in principal.serving_endpoints.list()}
    grant = serving.ServingEndpointAccessControlRequest(
        service_principal_name="mock-client-id", permission_level=serving.ServingEndpointPermissionLevel.CAN_VIEW
    )
    owner.serving_endpoints.update_permissions(endpoint_id, access_control_list=[grant])
    seen = principal.serving_endpoints.get("for-sp")
    assert seen.permission_level is serving.ServingEndpointDetailedPermissionLevel.CAN_VIEW
    with pytest.raises(PermissionDenied, match="'Manage' on Endpoint for-sp"):
        principal.serving_endpoints.delete("for-sp")
    principal.serving_endpoints.create("own-sp", config=config(external()))
    assert principal.serving_endpoints.get("own-sp").creator == "mock-client-id"
    principal.serving_endpoints.delete("own-sp")
    owner.serving_endpoints.delete("for-sp")


def test_wrong_client_credentials_are_refused_by_the_token_endpoint(instant_server: MockServer) -> None:
    w = WorkspaceClient(
        host=instant_server.url, client_id="mock-client-id", client_secret="wrong", auth_type="oauth-m2m"
    )
    with pytest.raises(ValueError, match="invalid_client"):
        list(w.serving_endpoints.list())

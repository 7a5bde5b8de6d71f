"""Creation, updates, waiters and deletion with the unmodified databricks-sdk."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from conftest import sdk
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, OperationFailed, ResourceConflict
from databricks.sdk.service import serving
from databricks.sdk.service.serving import EndpointStateConfigUpdate, EndpointStateReady
from entities_for_sdk import config, created, custom, external

from mockserver import MockServer, Settings


@contextmanager
def time_passing(server: MockServer) -> Iterator[None]:
    """Move the server's clock while a client waits, so that waiting takes little real time."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(0.1):
            server.mock.clock.advance(2)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_create_and_wait_returns_the_ready_endpoint(paced_server: MockServer, token: str) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    with time_passing(paced_server):
        endpoint = w.serving_endpoints.create_and_wait(
            "wine", config=config(custom()), tags=[serving.EndpointTag("team", "a")], timeout=timedelta(seconds=20)
        )
    assert endpoint.state is not None
    assert endpoint.state.ready is EndpointStateReady.READY
    assert endpoint.state.config_update is EndpointStateConfigUpdate.NOT_UPDATING
    assert endpoint.config is not None
    assert endpoint.config.served_entities is not None
    assert endpoint.config.served_entities[0].name == "wine-1"
    assert re.fullmatch("[0-9a-f]{32}", endpoint.id or "")


def test_an_update_serves_the_old_configuration_until_the_new_one_is_ready(
    paced_server: MockServer, token: str
) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    w.serving_endpoints.create("wine", config=config(custom("1")))
    pending = w.serving_endpoints.get("wine")
    assert pending.config is None
    assert pending.pending_config is not None
    assert pending.pending_config.config_version == 1
    paced_server.mock.clock.advance(4)
    w.serving_endpoints.update_config("wine", served_entities=[custom("2")])
    updating = w.serving_endpoints.get("wine")
    assert updating.state is not None
    assert updating.state.ready is EndpointStateReady.READY
    assert updating.state.config_update is EndpointStateConfigUpdate.IN_PROGRESS
    assert updating.config is not None
    assert updating.config.config_version == 1
    assert updating.pending_config is not None
    assert updating.pending_config.config_version == 2
    with time_passing(paced_server):
        updated = w.serving_endpoints.wait_get_serving_endpoint_not_updating("wine", timeout=timedelta(seconds=20))
    assert updated.config is not None
    assert updated.config.config_version == 2
    assert updated.pending_config is None
    assert updated.config.served_entities is not None
    assert updated.config.served_entities[0].entity_version == "2"


def test_update_config_and_wait_returns_the_new_configuration(paced_server: MockServer, token: str) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    w.serving_endpoints.create("wine", config=config(custom("1")))
    paced_server.mock.clock.advance(4)
    with time_passing(paced_server):
        endpoint = w.serving_endpoints.update_config_and_wait(
            "wine", served_entities=[custom("2")], timeout=timedelta(seconds=20)
        )
    assert endpoint.config is not None
    assert endpoint.config.config_version == 2


def test_a_second_update_is_refused_while_one_is_running(paced_server: MockServer, token: str) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    w.serving_endpoints.create("wine", config=config(custom("1")))
    with pytest.raises(ResourceConflict, match="Endpoint served entities are currently being updated"):
        w.serving_endpoints.update_config("wine", served_entities=[custom("2")])
    paced_server.mock.clock.advance(4)
    w.serving_endpoints.update_config("wine", served_entities=[custom("2")])
    with pytest.raises(ResourceConflict):
        w.serving_endpoints.update_config("wine", served_entities=[custom("3")])


def test_a_failed_deployment_makes_the_waiter_raise(
    paced_server: MockServer, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mockserver.domain.endpoint import Plan

    monkeypatch.setattr(paced_server.mock, "plan", lambda *_: Plan(1000, "FAILED"))
    w = WorkspaceClient(host=paced_server.url, token=token)
    with time_passing(paced_server), pytest.raises(OperationFailed, match="UPDATE_FAILED"):
        w.serving_endpoints.create_and_wait("wine", config=config(custom()), timeout=timedelta(seconds=20))
    failed = w.serving_endpoints.get("wine")
    assert failed.pending_config is not None
    assert failed.pending_config.served_entities is not None
    state = failed.pending_config.served_entities[0].state
    assert state is not None
    assert state.deployment_state_message == "Model server failed to load the model"


def test_list_shows_the_foundation_models_first_and_then_ones_own(workspace: WorkspaceClient) -> None:
    workspace.serving_endpoints.create("zebra", config=config(external()))
    endpoints = list(workspace.serving_endpoints.list())
    names = [endpoint.name for endpoint in endpoints]
    assert names[-1] == "zebra"
    assert {"databricks-llama-2-70b-chat", "databricks-bge-large-en"} <= set(names[:-1])
    for endpoint in endpoints[:-1]:
        assert endpoint.id is None
        assert endpoint.creator is None
        assert endpoint.config is not None
        assert endpoint.config.served_entities is not None
        assert endpoint.config.served_entities[0].foundation_model is not None


def test_delete_is_final_and_the_name_can_be_used_again(workspace: WorkspaceClient) -> None:
    first = created(workspace, "again").id
    workspace.serving_endpoints.delete("again")
    with pytest.raises(NotFound, match="Endpoint with name 'again' does not exist"):
        workspace.serving_endpoints.get("again")
    with pytest.raises(NotFound):
        workspace.serving_endpoints.delete("again")
    assert created(workspace, "again").id != first


def test_provisioned_throughput_endpoints_are_created_and_updated_at_once(paced_server: MockServer, token: str) -> None:
    w = WorkspaceClient(host=paced_server.url, token=token)
    model = serving.PtServedModel("system.ai.llama_v3_3_70b_instruct", 50, entity_version="1")
    with time_passing(paced_server):
        created = w.serving_endpoints.create_provisioned_throughput_endpoint_and_wait(
            "pt-llama", serving.PtEndpointCoreConfig(served_entities=[model]), timeout=timedelta(seconds=20)
        )
    assert created.config is not None
    assert created.config.served_entities is not None
    assert created.config.served_entities[0].provisioned_model_units == 50
    more = serving.PtServedModel("system.ai.llama_v3_3_70b_instruct", 100, entity_version="1")
    updated = w.serving_endpoints.update_provisioned_throughput_endpoint_config_and_wait(
        "pt-llama", serving.PtEndpointCoreConfig(served_entities=[more]), timeout=timedelta(seconds=5)
    )
    assert updated.config is not None
    assert updated.config.config_version == 2


def test_the_number_of_endpoints_is_limited_where_a_limit_is_set() -> None:
    with MockServer(Settings(port=0, provisioning=0, max_endpoints=2)) as server:
        client = sdk(server.url, server.token)
        client.serving_endpoints.create("one")
        client.serving_endpoints.create("two")
        with pytest.raises(InvalidParameterValue, match="has 2 serving endpoints, which is the limit"):
            client.serving_endpoints.create("three")
        client.serving_endpoints.delete("one")
        client.serving_endpoints.create("three")

"""What clients ask a workspace before and beside serving: discovery, tokens, who am I, calls to other services."""

from __future__ import annotations

import uuid

from ..auth import EVERYBODY, TOKEN_LIFETIME, Identity, basic_credentials
from ..domain.permissions import ADMINS
from ..errors import OAuthError
from ..messages import Call, Json, Reply
from . import handler

CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@handler
def get_databricks_config(call: Call) -> Json:
    # No workspace_id here: with one, clients add headers that a proxy in between may not expect.
    return {"oidc_endpoint": f"{call.request.base_url}/oidc"}


@handler
def get_oauth_authorization_server(call: Call) -> Json:
    issuer = f"{call.request.base_url}/oidc"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/v1/authorize",
        "token_endpoint": f"{issuer}/v1/token",
        "grant_types_supported": [CLIENT_CREDENTIALS, JWT_BEARER],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["all-apis"],
    }


@handler
def issue_token(call: Call) -> Json:
    form = call.body
    identity = _bearer_of_assertion(call, form) if form["grant_type"] == JWT_BEARER else _client(call, form)
    token = call.mock.authenticator.issue(identity, form.get("authorization_details") or None)
    body = {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME}
    if form.get("scope"):
        body["scope"] = form["scope"]
    return Reply(call.operation.success, body, {"Cache-Control": "no-store"})


@handler
def get_current_user(call: Call) -> Json:
    identity = call.identity
    groups = [*identity.groups, EVERYBODY, *((ADMINS,) if identity.admin else ())]
    person = identity.kind == "User"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": str(int(_seeded(identity)[:13], 16)),
        "userName": identity.name,
        "displayName": identity.display_name,
        "active": True,
        "emails": [{"value": identity.name, "type": "work", "primary": True}] if person else [],
        "groups": [
            {"display": group, "value": str(int(uuid.uuid5(uuid.NAMESPACE_URL, group).hex[:13], 16))}
            for group in dict.fromkeys(groups)
        ],
    }


def _client(call: Call, form: dict[str, str]) -> Identity:
    credentials = basic_credentials(call.request.headers.get("authorization", ""))
    if credentials is None:
        credentials = (form.get("client_id", ""), form.get("client_secret", ""))
    if not call.mock.authenticator.accepts_client(*credentials):
        raise OAuthError(401, "invalid_client", "Client authentication failed: unknown client id or wrong secret.")
    return call.mock.authenticator.service_principal()


def _bearer_of_assertion(call: Call, form: dict[str, str]) -> Identity:
    if not form.get("authorization_details"):
        raise OAuthError(400, "invalid_request", "authorization_details is missing: take it from data_plane_info.")
    identity = call.mock.authenticator.lookup(form.get("assertion", ""))
    if identity is None:
        raise OAuthError(400, "invalid_grant", "The assertion is not a valid token of this workspace.")
    if not identity.oauth:
        raise OAuthError(400, "invalid_grant", "A personal access token cannot be exchanged: use an OAuth token.")
    return identity


def _seeded(identity: Identity) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{identity.workspace}/{identity.name}").hex

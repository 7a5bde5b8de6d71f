"""How to see a finding again: as curl, and with databricks-sdk."""

from __future__ import annotations

import shlex

from ..exchange import Exchange
from ..routes import match

TYPED = {
    "list_serving_endpoints": "list(w.serving_endpoints.list())",
    "get_serving_endpoint": "w.serving_endpoints.get(name={name!r})",
    "delete_serving_endpoint": "w.serving_endpoints.delete(name={name!r})",
    "export_metrics": "w.serving_endpoints.export_metrics(name={name!r})",
    "get_open_api": "w.serving_endpoints.get_open_api(name={name!r})",
    "get_logs": "w.serving_endpoints.logs(name={name!r}, served_model_name={served_model_name!r})",
    "get_build_logs": "w.serving_endpoints.build_logs(name={name!r}, served_model_name={served_model_name!r})",
    "get_permissions": "w.serving_endpoints.get_permissions(serving_endpoint_id={serving_endpoint_id!r})",
    "get_permission_levels": "w.serving_endpoints.get_permission_levels(serving_endpoint_id={serving_endpoint_id!r})",
    "get_current_user": "w.current_user.me()",
}
LONGEST_BODY = 2000


def curl(exchange: Exchange) -> str:
    """The request as a curl command; the credential is a variable."""
    asked = exchange.asked
    parts = ["curl", "-sS", "-i"]
    if asked.method != "GET":
        parts += ["-X", asked.method]
    parts.append(f'"$DATABRICKS_HOST{asked.path}"')
    if any(name.lower() == "authorization" for name in asked.headers):
        value = "Bearer $DATABRICKS_TOKEN" if asked.identity == "caller" else "Bearer $SOMEBODY_ELSES_TOKEN"
        parts += ["-H", f'"Authorization: {value}"']
    for name, value in asked.headers.items():
        if name.lower() == "content-type":
            parts += ["-H", shlex.quote(f"{name}: {value}")]
    if asked.body is not None:
        parts += ["--data-binary", shlex.quote(asked.body[:LONGEST_BODY].decode("utf-8", "replace"))]
    return " ".join(parts)


def sdk(exchange: Exchange) -> str:
    """The request with databricks-sdk: its own method where that is simple, the API client otherwise."""
    asked = exchange.asked
    if asked.identity != "caller":
        return "# databricks-sdk always sends its own credential; use curl"
    hit = match(asked.method, asked.route)
    lines = ["from databricks.sdk import WorkspaceClient", "w = WorkspaceClient()"]
    if hit and hit.operation.id in TYPED:
        return "\n".join([*lines, f"print({TYPED[hit.operation.id].format(**hit.parameters)})"])
    if asked.body is not None and exchange.sent is None:
        return "# the body is not JSON, which databricks-sdk cannot send; use curl"
    body = f", body={exchange.sent!r}" if asked.body is not None else ""
    return "\n".join([*lines, f"print(w.api_client.do({asked.method!r}, {asked.path!r}{body}))"])


def request_line(exchange: Exchange) -> str:
    """A step of a sequence in one line."""
    body = (exchange.asked.body or b"")[:160].decode("utf-8", "replace")
    status = exchange.status or exchange.failure
    return f"{exchange.asked.method} {exchange.asked.path} {body} -> {status}".replace("  ", " ")

"""The same query as curl, databricks-sdk, MLflow and openai would send it to this server."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from ..settings import DEVELOPMENT_TOKEN

Json = Any
OPENAI_CALLS = {
    "llm/v1/chat": ("chat.completions.create", "reply.choices[0].message.content"),
    "llm/v1/completions": ("completions.create", "reply.choices[0].text"),
    "llm/v1/embeddings": ("embeddings.create", "len(reply.data[0].embedding)"),
}
SDK_VIEWS = {
    "llm/v1/chat": "reply.choices[0].message.content",
    "llm/v1/completions": "reply.choices[0].text",
    "llm/v1/embeddings": "len(reply.data[0].embedding)",
}
SDK_FIELDS = frozenset(
    {
        "client_request_id", "dataframe_records", "dataframe_split", "extra_params", "input", "inputs", "instances",
        "max_tokens", "messages", "n", "prompt", "stop", "stream", "temperature", "usage_context",
    }
)  # fmt: skip

CONTINUED = " \\\n  "
GRANT = "# The service principal needs the permission CAN_QUERY on the endpoint."


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of code and what it is written with."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Query:
    """A query of one endpoint of this server. ``token`` is the asker's."""

    base_url: str
    token: str
    name: str
    task: str
    body: Mapping[str, Json]

    @property
    def shown_token(self) -> str:
        """The development token, which is no secret, or what stands for another one."""
        return self.token if self.token.startswith(DEVELOPMENT_TOKEN) else "YOUR-TOKEN"

    @property
    def streams(self) -> bool:
        """Whether the answer is to come in pieces."""
        return bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class DataPlane:
    """How a route-optimised endpoint is reached: as which OAuth client, and where, which is known once it is ready."""

    client_id: str
    client_secret: str
    endpoint_url: str = ""
    authorization_details: str = ""


def of(query: Query) -> list[Snippet]:
    """The query in every way that can ask it."""
    snippets = [
        Snippet("curl", _curl(query)),
        Snippet("databricks-sdk", _sdk(query)),
        Snippet("MLflow", _mlflow(query)),
    ]
    return [*snippets, Snippet("openai", _openai(query))] if query.task in OPENAI_CALLS else snippets


def of_data_plane(query: Query, plane: DataPlane) -> list[Snippet]:
    """The query in every way that can ask a route-optimised endpoint: with an OAuth token that is made for it."""
    client = f"client_id={plane.client_id!r}, client_secret={plane.client_secret!r}"
    sdk = Snippet("databricks-sdk", f"{GRANT}\n{_sdk(query, client, 'serving_endpoints_data_plane')}")
    return [sdk, Snippet("curl", f"{GRANT}\n{_curl_data_plane(query, plane)}")] if plane.endpoint_url else [sdk]


def curl(method: str, url: str, token: str, body: Json) -> str:
    """One request as a shell command."""
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(url)}"]
    lines.append(f"-H {shlex.quote(f'Authorization: Bearer {token}')}")
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return CONTINUED.join(lines)


def _curl(query: Query) -> str:
    url = f"{query.base_url}/serving-endpoints/{query.name}/invocations"
    command = curl("POST", url, query.shown_token, query.body)
    return command.replace("curl ", "curl -N ", 1) if query.streams else command


def _curl_data_plane(query: Query, plane: DataPlane) -> str:
    form = {
        "grant_type": "client_credentials",
        "scope": "all-apis",
        "authorization_details": plane.authorization_details,
    }
    ask = [f"curl -s {shlex.quote(f'{query.base_url}/oidc/v1/token')}"]
    ask.append(f"-u {shlex.quote(f'{plane.client_id}:{plane.client_secret}')}")
    ask += [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in form.items()]
    ask.append('| sed \'s/.*"access_token": *"\\([^"]*\\)".*/\\1/\'')
    lines = [f"curl {'-N ' if query.streams else ''}-X POST {shlex.quote(plane.endpoint_url)}"]
    lines += ['-H "Authorization: Bearer $TOKEN"', "-H 'Content-Type: application/json'"]
    lines.append(f"-d {shlex.quote(json.dumps(query.body, ensure_ascii=False))}")
    return "TOKEN=$(" + CONTINUED.join(ask) + ")\n" + CONTINUED.join(lines)


def _sdk(query: Query, credentials: str = "", service: str = "serving_endpoints") -> str:
    body = {name: value for name, value in query.body.items() if name in SDK_FIELDS and name != "stream"}
    other = {name: value for name, value in query.body.items() if name not in SDK_FIELDS}
    arguments = [f"name={query.name!r}"]
    imports = ["from databricks.sdk import WorkspaceClient"]
    if "messages" in body:
        imports.append("from databricks.sdk.service.serving import ChatMessage")
        messages = _python(body.pop("messages"))
        arguments.append(f"messages=[ChatMessage.from_dict(message) for message in {messages}]")
    if "dataframe_split" in body:
        imports.append("from databricks.sdk.service.serving import DataframeSplitInput")
        arguments.append(f"dataframe_split=DataframeSplitInput.from_dict({_python(body.pop('dataframe_split'))})")
    arguments += [f"{name}={_python(value)}" for name, value in body.items()]
    arguments += [f"extra_params={_python({name: str(value) for name, value in other.items()})}"] if other else []
    return "\n".join(
        (
            *imports,
            "",
            f"client = WorkspaceClient(host={query.base_url!r}, {credentials or f'token={query.shown_token!r}'})",
            f"reply = client.{service}.query({_arguments(arguments)})",
            f"print({SDK_VIEWS.get(query.task, 'reply.as_dict()')})",
        )
    )


def _mlflow(query: Query) -> str:
    body = {name: value for name, value in query.body.items() if name != "stream"}
    call = f"endpoint={query.name!r}", f"inputs={_python(body)}"
    head = (
        "import os",
        "",
        "from mlflow.deployments import get_deploy_client",
        "",
        f"os.environ |= {{'DATABRICKS_HOST': {query.base_url!r}, 'DATABRICKS_TOKEN': {query.shown_token!r}}}",
        "client = get_deploy_client('databricks')",
    )
    if query.streams:
        return "\n".join((*head, f"for chunk in client.predict_stream({_arguments(call)}):", "    print(chunk)"))
    return "\n".join((*head, f"print(client.predict({_arguments(call)}))"))


def _openai(query: Query) -> str:
    call, shown = OPENAI_CALLS[query.task]
    arguments = [f"model={query.name!r}", *(f"{name}={_python(value)}" for name, value in query.body.items())]
    lines = [
        "from openai import OpenAI",
        "",
        f"client = OpenAI(base_url={query.base_url + '/serving-endpoints'!r}, api_key={query.shown_token!r})",
        f"reply = client.{call}({_arguments(arguments)})",
    ]
    if query.streams:
        piece = "chunk.choices[0].delta.content" if query.task == "llm/v1/chat" else "chunk.choices[0].text"
        return "\n".join(
            (*lines, "for chunk in reply:", "    if chunk.choices:", f'        print({piece} or "", end="")')
        )
    return "\n".join((*lines, f"print({shown})"))


def _arguments(arguments: Any) -> str:
    joined = ", ".join(arguments)
    if len(joined) < 80 and "\n" not in joined:
        return joined
    return "\n" + "".join(f"    {argument},\n" for argument in arguments)


def _python(value: Json) -> str:
    return pformat(value, width=96, sort_dicts=False).replace("\n", "\n    ")

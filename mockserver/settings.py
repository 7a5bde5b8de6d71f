"""Everything that can be set, in one frozen value. The command line and the environment are made from it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

Kind = Literal["external", "custom", "provisioned"]
"""How an endpoint's models are run: by another provider, as a custom model, or with provisioned throughput."""

EntitiesRule = Literal["one", "many"]
LogLevel = Literal["debug", "info", "warning", "error"]

DEVELOPMENT_TOKEN = "dapi-mock"
ENVIRONMENT_PREFIX = "SERVING_MOCK_"


_TOKEN = re.compile(r"[!-~]+")
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingError(ValueError):
    """A setting has a value that cannot be used; the text names the setting, the value and what is accepted."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one mock.

    Durations are in seconds. Each field is also an environment variable (``SERVING_MOCK_`` and the name in upper case)
    and an option of ``serving-mock serve``.
    """

    host: str = field(default="127.0.0.1", metadata={"help": "address to listen on"})
    port: int = field(default=8080, metadata={"help": "port to listen on; 0 picks a free one"})
    token: tuple[str, ...] = field(
        default=(), metadata={"help": "further token to accept beside dapi-mock; may be given more than once"}
    )
    provisioning: float | None = field(
        default=None,
        metadata={
            "help": "seconds a deployment takes, for every kind of endpoint; 0 makes it instant [default: per kind]"
        },
    )
    provisioning_external: float = field(default=1.0, metadata={"help": "seconds an external model takes to deploy"})
    provisioning_custom: float = field(default=3.0, metadata={"help": "seconds a custom model takes to deploy"})
    provisioning_provisioned: float = field(
        default=3.0, metadata={"help": "seconds a provisioned-throughput model takes to deploy"}
    )
    seed: int = field(default=0, metadata={"help": "seed of everything that is invented: ids, logs, answers"})
    log_level: LogLevel = field(default="info", metadata={"help": "how much is logged: debug, info, warning or error"})
    external_entities: EntitiesRule = field(
        default="one",
        metadata={
            "help": "external models per endpoint: one (as the page says), or many of one task with a traffic split"
        },
    )
    max_endpoints: int = field(
        default=0, metadata={"help": "endpoints that a workspace may have, 1000 in the service; 0 for any number"}
    )
    time_to_first_token: float = field(default=0.0, metadata={"help": "seconds before an answer begins"})
    time_per_token: float = field(default=0.0, metadata={"help": "seconds that each token of an answer takes"})
    cold_start: float = field(
        default=0.0,
        metadata={"help": "seconds that the first request takes when an endpoint that scales to zero has done so"},
    )
    forward: bool = field(
        default=False,
        metadata={"help": "pass queries of external models on to the OpenAI-compatible server in openai_api_base"},
    )
    client_id: str = field(
        default="mock-client-id", metadata={"help": "client id of the service principal for OAuth machine-to-machine"}
    )
    client_secret: str = field(default="mock-client-secret", metadata={"help": "secret of that service principal"})
    state: str | None = field(
        default=None, metadata={"help": "YAML or JSON file that describes what the workspace starts with"}
    )
    store: str | None = field(
        default=None,
        metadata={
            "help": "database that keeps everything: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE "
            "[default: memory]"
        },
    )
    control_token: str | None = field(
        default=None,
        metadata={"help": "token that /__mock__/ asks for; without one only this machine's own clients may use it"},
    )
    user_name: str = field(default="user@email.com", metadata={"help": "user that the development tokens act as"})

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise SettingError(f"port {self.port} is out of range: 0 to 65535")
        if self.max_endpoints < 0:
            raise SettingError(f"max-endpoints {self.max_endpoints} is out of range: 0 (no limit) or more")
        for name in (
            "provisioning", "provisioning_external", "provisioning_custom", "provisioning_provisioned",
            "time_to_first_token", "time_per_token", "cold_start",
        ):  # fmt: skip
            seconds = getattr(self, name)
            if seconds is not None and not 0 <= seconds <= 86_400:
                raise SettingError(f"{name.replace('_', '-')} {seconds:g} is out of range: 0 to 86400 seconds")
        for name, choices in (("log_level", get_args(LogLevel)), ("external_entities", get_args(EntitiesRule))):
            if getattr(self, name) not in choices:
                raise SettingError(
                    f"{name.replace('_', '-')} {getattr(self, name)!r} is unknown: one of {', '.join(choices)}"
                )
        for token in self.token:
            if not _TOKEN.fullmatch(token):
                raise SettingError(f"token {token!r} is no token: printable ASCII characters without spaces")
        for name in ("user_name", "client_id", "client_secret", "control_token"):
            text = getattr(self, name)
            if text is not None and not (text.strip() and text.isprintable()):
                raise SettingError(f"{name.replace('_', '-')} {text!r} is empty, or not printable")

    def provisioning_time(self, kind: Kind) -> int:
        """Milliseconds that a deployment of this kind takes."""
        seconds = self.provisioning
        if seconds is None:
            seconds = {
                "external": self.provisioning_external,
                "custom": self.provisioning_custom,
                "provisioned": self.provisioning_provisioned,
            }[kind]
        return round(seconds * 1000)


def from_environment(environment: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Settings from ``SERVING_MOCK_*`` variables, overridden by ``given``.

    Raises:
        SettingError: a variable cannot be read as the type of its field, or is out of range.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        text = environment.get(ENVIRONMENT_PREFIX + spec.name.upper())
        if text is not None and text != "":
            values[spec.name] = _read(spec.name, str(spec.type), text)
    return Settings(**{**values, **given})


def _read(name: str, annotation: str, text: str) -> Any:
    try:
        if annotation.startswith("int"):
            return int(text)
        if annotation.startswith("float"):
            return float(text)
        if annotation.startswith("bool"):
            return _SWITCH[text.strip().lower()]
    except (ValueError, KeyError):
        kinds = {"int": "a whole number", "float": "a number of seconds", "bool": "true or false"}
        expected = next(words for kind, words in kinds.items() if annotation.startswith(kind))
        raise SettingError(f"{ENVIRONMENT_PREFIX}{name.upper()}={text!r} is not {expected}") from None
    if annotation.startswith("tuple"):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text

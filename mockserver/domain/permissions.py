"""Who may do what with an endpoint: direct entries of its access control list, and what is inherited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from .refusals import invalid

Json = Any
Level = Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]
PrincipalKind = Literal["user_name", "group_name", "service_principal_name"]

LEVELS: tuple[Level, ...] = ("CAN_VIEW", "CAN_QUERY", "CAN_MANAGE")
PRINCIPAL_KINDS: tuple[PrincipalKind, ...] = ("user_name", "group_name", "service_principal_name")
ADMINS = "admins"
DESCRIPTIONS: dict[Level, str] = {
    "CAN_MANAGE": "Can manage the serving endpoint: change its configuration and permissions, and delete it",
    "CAN_QUERY": "Can view the serving endpoint and send queries to it",
    "CAN_VIEW": "Can view the serving endpoint",
}
REFUSED_VERB: dict[Level, str] = {"CAN_VIEW": "View", "CAN_QUERY": "Query", "CAN_MANAGE": "Manage"}


class Principal(NamedTuple):
    """A user, a group or a service principal (by application id)."""

    kind: PrincipalKind
    name: str


class Grant(NamedTuple):
    """One direct entry of an access control list."""

    principal: Principal
    level: Level


class AccessList(NamedTuple):
    """The direct entries of one endpoint, by endpoint id. It outlives the endpoint, as it does in the service."""

    endpoint_id: str
    grants: tuple[Grant, ...] = ()

    def replaced(self, grants: Iterable[Grant]) -> AccessList:
        """These entries instead of the present ones (PUT)."""
        return self._replace(grants=tuple({grant.principal: grant for grant in grants}.values()))

    def merged(self, grants: Iterable[Grant]) -> AccessList:
        """The present entries, with these set (PATCH)."""
        return self.replaced([*self.grants, *grants])

    def level(self, principals: Iterable[Principal], *, admin: bool) -> Level | None:
        """The highest level that somebody who is all these principals has."""
        if admin:
            return "CAN_MANAGE"
        mine = set(principals)
        held = [LEVELS.index(grant.level) for grant in self.grants if grant.principal in mine]
        return LEVELS[max(held)] if held else None


def suffices(level: Level | None, required: Level) -> bool:
    """Whether a level includes the required one."""
    return level is not None and LEVELS.index(level) >= LEVELS.index(required)


def grants_of(entries: Iterable[Mapping[str, Json]]) -> list[Grant]:
    """The grants that a request's ``access_control_list`` asks for.

    Raises:
        Refusal: an entry does not name exactly one principal.
    """
    grants = []
    for index, entry in enumerate(entries):
        named = [kind for kind in PRINCIPAL_KINDS if entry.get(kind)]
        if len(named) != 1:
            raise invalid(
                f"'access_control_list[{index}]' must name exactly one of {', '.join(PRINCIPAL_KINDS)}; "
                f"it names {len(named)}."
            )
        grants.append(Grant(Principal(named[0], str(entry[named[0]])), entry["permission_level"]))
    return grants


def rendered(access: AccessList, display_names: Mapping[str, str]) -> Json:
    """The list as the permissions API shows it, with what everybody inherits from the workspace."""
    entries: dict[Principal, Json] = {}
    for grant in access.grants:
        entry: dict[str, Json] = {grant.principal.kind: grant.principal.name}
        if grant.principal.name in display_names:
            entry["display_name"] = display_names[grant.principal.name]
        entries[grant.principal] = {
            **entry,
            "all_permissions": [{"permission_level": grant.level, "inherited": False}],
        }
    admins = Principal("group_name", ADMINS)
    inherited = {
        "permission_level": "CAN_MANAGE",
        "inherited": True,
        "inherited_from_object": ["/serving-endpoints"],
    }
    entries.setdefault(admins, {"group_name": ADMINS, "all_permissions": []})["all_permissions"].append(inherited)
    return {
        "object_id": f"/serving-endpoints/{access.endpoint_id}",
        "object_type": "serving-endpoint",
        "access_control_list": list(entries.values()),
    }

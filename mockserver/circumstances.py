"""The clocks and settings of the workspaces, as they were changed while the mock ran: kept in the store, so that all
processes live in the same time and by the same settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .clock import AdjustableClock, Setting
from .store import Store

HERE = ""
"""The key of the one record of its kind."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The clock and the settings that a workspace was given. Under the workspace "" it is everybody's clock."""

    clock: Setting | None = None
    settings: dict[str, Any] | None = None


class StoredClock(AdjustableClock):
    """A clock that is kept in the store.

    Args:
        store: where.
        workspace: whose clock it is.
        usual: how it is set as long as nobody has changed it.
    """

    def __init__(self, store: Store, workspace: str, usual: Setting | None = None) -> None:
        super().__init__()
        self._store, self._workspace, self._usual = store, workspace, usual or Setting()
        self._setting = self._usual
        self._seen: Circumstances | None = None

    def refresh(self) -> None:
        """Take over what other processes did to the clock."""
        kept = self._store.get(Circumstances, self._workspace, HERE)
        if kept is not self._seen:
            with self._lock:
                self._setting, self._seen = (kept.clock if kept else None) or self._usual, kept

    def change(self, transition: Callable[[Setting], Setting]) -> Setting:
        with self._store.transaction(self._workspace) as transaction:
            kept = transaction.get(Circumstances, HERE) or Circumstances()
            setting = transition(kept.clock or self._usual).checked()
            transaction.put(HERE, replace(kept, clock=setting))
        self.refresh()
        return setting


def change_settings(store: Store, workspace: str, changes: dict[str, Any]) -> None:
    """Note settings of a workspace's own, in all processes."""
    with store.transaction(workspace) as transaction:
        kept = transaction.get(Circumstances, HERE) or Circumstances()
        transaction.put(HERE, replace(kept, settings={**(kept.settings or {}), **changes}))

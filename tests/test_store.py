"""The stores: the same behaviour in memory, SQLite and PostgreSQL, and what a database promises beyond it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from stored_endpoints import ENDPOINTS, endpoint, put

from mockserver import Mock, Settings
from mockserver.domain.endpoint import Endpoint
from mockserver.domain.permissions import AccessList, Grant, Principal
from mockserver.journal import Filter
from mockserver.memory_store import MemoryStore
from mockserver.messages import Request
from mockserver.sql_store import SqlStore
from mockserver.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mock.db"
    made: str = request.getfixturevalue("postgresql").url()
    return made


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "postgresql":
        store: Store = SqlStore(request.getfixturevalue("postgresql").url())
    else:
        store = MemoryStore() if request.param == "memory" else SqlStore(f"sqlite:///{tmp_path}/mock.db")
    yield store
    store.close()


@pytest.fixture
def two(url: str) -> Iterator[tuple[SqlStore, SqlStore]]:
    """A database as two processes see it."""
    stores = SqlStore(url), SqlStore(url)
    yield stores
    for store in stores:
        store.close()


@dataclass(slots=True)
class Tally:
    """Something that is counted."""

    total: int = 0
    by_name: dict[str, list[int]] = field(default_factory=dict)


def test_records_come_back_equal_and_in_the_order_in_which_they_were_first_put(store: Store) -> None:
    put(store, "w", "b", "a")
    put(store, "w", "b", "c")
    assert store.all(Endpoint, "w") == [endpoint("b"), endpoint("a"), endpoint("c")]
    assert store.items(Endpoint, "w")[1] == ("a", endpoint("a"))
    assert store.get(Endpoint, "w", "a") == endpoint("a")
    assert store.get(Endpoint, "w", "nobody") is None
    assert store.get(AccessList, "w", "a") is None


def test_a_transaction_sees_its_own_writes_and_others_see_none_of_them_before_it_ends(store: Store) -> None:
    put(store, "w", "a")
    with store.transaction("w") as transaction:
        transaction.put("b", endpoint("b"))
        transaction.delete(Endpoint, "a")
        assert [item.name for item in transaction.all(Endpoint)] == ["b"]
        assert transaction.get(Endpoint, "a") is None
        seen: list[list[str]] = []
        other = threading.Thread(target=lambda: seen.append([item.name for item in store.all(Endpoint, "w")]))
        other.start()
        other.join()
        assert seen == [["a"]]
    assert [item.name for item in store.all(Endpoint, "w")] == ["b"]


def test_a_transaction_that_fails_changes_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction("w") as transaction:
            transaction.put("a", endpoint("a"))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert store.all(Endpoint, "w") == []


def test_a_transaction_within_a_transaction_is_refused(store: Store) -> None:
    with store.transaction("w") as transaction:
        transaction.put("a", endpoint("a"))
        with pytest.raises(RuntimeError, match="in a transaction already"), store.transaction("v"):
            pass
    assert store.get(Endpoint, "w", "a") == endpoint("a")
    put(store, "v", "b")


def test_workspaces_are_apart_and_cleared_one_by_one(store: Store) -> None:
    put(store, "one", "a")
    put(store, "two", "a")
    assert store.workspaces() == ["one", "two"]
    store.clear("one")
    assert store.workspaces() == ["two"]
    assert store.all(Endpoint, "one") == []


def test_many_threads_lose_no_write(store: Store) -> None:
    def write(number: int) -> None:
        for index in range(10):
            with store.transaction("w") as transaction:
                access = transaction.get(AccessList, "x") or AccessList("x")
                grant = Grant(Principal("user_name", f"{number}-{index}"), "CAN_VIEW")
                transaction.put("x", access.merged([grant]))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    access = store.get(AccessList, "w", "x")
    assert access is not None
    assert len(access.grants) == 60


def test_transactions_follow_one_another_while_the_workspace_is_cleared(store: Store) -> None:
    inside, most = 0, 0

    def work(number: int) -> None:
        nonlocal inside, most
        for _ in range(5):
            if number == 0:
                store.clear("w")
            with store.transaction("w"):
                inside += 1
                most = max(most, inside)
                time.sleep(0.002)
                inside -= 1

    in_threads(6, work)
    assert most == 1


def in_threads(count: int, work) -> None:  # type: ignore[no-untyped-def]  # any function of a number
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_record_that_is_replaced_keeps_its_place_and_a_deleted_one_comes_back_last(store: Store) -> None:
    put(store, "w", "a", "b")
    put(store, "w", "a")
    assert [item.name for item in store.all(Endpoint, "w")] == ["a", "b"]
    with store.transaction("w") as transaction:
        transaction.delete(Endpoint, "a")
    assert store.get(Endpoint, "w", "a") is None
    put(store, "w", "a")
    assert [item.name for item in store.all(Endpoint, "w")] == ["b", "a"]


def test_keys_and_texts_may_hold_any_character(store: Store) -> None:
    name = "é \U0001f600 ' \" % : \x01"
    put(store, "w", name)
    with store.transaction("w") as transaction:
        transaction.put("odd", endpoint("odd")._replace(description="a\x00b\ud7ff"))
    assert store.get(Endpoint, "w", name) == endpoint(name)
    odd = store.get(Endpoint, "w", "odd")
    assert odd is not None
    assert odd.description == "a\x00b\ud7ff"
    assert store.get(Endpoint, "w", "no\x00body") is None


def test_documents_are_changed_in_place_and_read_by_workspace_and_key(store: Store) -> None:
    tallies = store.documents(Tally)
    assert tallies.read("w", "a") is None
    with tallies.changing("w", "a") as tally:
        tally.total += 2
        tally.by_name.setdefault("x", []).append(7)
    with store.documents(Tally).changing("w", "a") as tally:
        tally.total += 1
    assert tallies.read("w", "a") == Tally(3, {"x": [7]})
    assert tallies.read("w", "b") is None
    assert tallies.read("v", "a") is None
    with tallies.changing("v", "a") as tally:
        tally.total = 9
    tallies.clear("w")
    assert tallies.read("w", "a") is None
    assert tallies.read("v", "a") == Tally(9)


def test_no_change_of_a_document_is_lost(store: Store) -> None:
    tallies = store.documents(Tally)

    def count(number: int) -> None:
        for _ in range(20):
            with tallies.changing("w", "a") as tally:
                tally.total += 1
                tally.by_name.setdefault(str(number), []).append(tally.total)

    in_threads(6, count)
    tally = tallies.read("w", "a")
    assert tally is not None
    assert tally.total == 120
    assert sorted(number for numbers in tally.by_name.values() for number in numbers) == list(range(1, 121))


def test_a_log_numbers_its_lines_and_drops_the_oldest(store: Store) -> None:
    log = store.log(Tally, Tally, capacity=60, whole=3)
    assert [log.append("w", Tally(number), Tally(-number)) for number in range(1, 111)] == list(range(1, 111))
    assert log.append("v", Tally(1)) == 1
    assert log.count("w") == 110
    lines = log.lines("w")
    assert [(line.number, line.item.total) for line in lines] == [(number, number) for number in range(51, 111)]
    assert [line.extra for line in lines if line.extra is not None] == [Tally(-108), Tally(-109), Tally(-110)]
    assert [line.number for line in log.newest("w")] == list(range(110, 50, -1))
    kept, gone = log.line("w", 51), log.line("w", 50)
    assert kept is not None
    assert (kept.item, kept.extra, gone, log.line("w", 111)) == (Tally(51), None, None, None)
    assert sorted(log.workspaces()) == ["v", "w"]
    log.clear("w")
    assert (log.count("w"), log.lines("w"), log.workspaces()) == (0, [], ["v"])
    assert log.append("w", Tally(5)) == 1


@dataclass(slots=True)
class Text:
    """Something of which there may be much."""

    text: str

    @property
    def size(self) -> int:
        return len(self.text)


def test_a_log_drops_the_oldest_lines_beyond_its_budget(store: Store) -> None:
    log = store.log(Text, capacity=90, budget=10_000)
    for _ in range(100):
        log.append("w", Text("x"))
    assert (len(log.lines("w")), log.dropped("w"), log.dropped("v")) == (90, 10, 0)
    for _ in range(100):
        log.append("w", Text("y" * 1000))
    kept = log.lines("w")
    assert 8 <= len(kept) <= 10
    assert [line.number for line in kept] == list(range(201 - len(kept), 201))
    assert (log.count("w"), log.dropped("w")) == (200, 200 - len(kept))
    assert log.line("w", 150) is None


BODIES: list[tuple[bytes, object]] = [
    (b'{"name": "a",\n "tags": [1, 2.5, null, "\\u00e4\\u0000"]}', {"name": "a", "tags": [1, 2.5, None, "\xe4\0"]}),
    ('["\xe4"]'.encode(), ["\xe4"]),
    (b" ", {}),
    (b"\xff,1", b"\xff,1"),
    (b"{", None),
]


def test_the_journal_has_bodies_as_they_were_understood(store: Store) -> None:
    mock = Mock(Settings(), store=store)
    operation = mock.spec.operations["query_endpoint"]
    for sent, body in BODIES:
        mock.journal.record(
            "w", moment=1, identity="me", operation=operation, request=Request("POST", "/x", {}, {}, body=sent),
            status=200, seconds=0.1, request_id="1", body=body, reply=None,
        )  # fmt: skip
    entries = mock.journal.entries("w")
    assert [entry.body for entry in entries] == [body for _, body in BODIES]
    assert mock.journal.entries("w", Filter(body={"name": "a"})) == entries[:1]


def test_lines_of_many_threads_have_numbers_without_gaps(store: Store) -> None:
    log = store.log(Tally, capacity=1000)
    in_threads(6, lambda number: [log.append("w", Tally(number)) for _ in range(20)])
    assert [line.number for line in log.lines("w")] == list(range(1, 121))


def test_a_log_tells_when_something_was_written(store: Store) -> None:
    log = store.log(Tally, capacity=10)
    started = time.monotonic()
    log.wait("w", 0, 0.1)
    assert 0.09 < time.monotonic() - started < 2
    writer = threading.Timer(0.1, log.append, ("w", Tally(1)))
    writer.start()
    log.wait("w", 0, 20)
    assert log.count("w") == 1
    assert time.monotonic() - started < 5
    writer.join()


def test_clearing_a_workspace_forgets_records_documents_and_lines(store: Store) -> None:
    tallies, log = store.documents(Tally), store.log(Tally, capacity=5)
    for workspace in ("one", "two"):
        put(store, workspace, "a")
        log.append(workspace, Tally(1))
        with tallies.changing(workspace, "a") as tally:
            tally.total = 1
    store.clear("one")
    assert (store.all(Endpoint, "one"), tallies.read("one", "a"), log.count("one")) == ([], None, 0)
    assert (len(store.all(Endpoint, "two")), tallies.read("two", "a"), log.count("two")) == (1, Tally(1), 1)


def test_a_log_that_is_cleared_while_it_is_written_goes_on(two: tuple[SqlStore, SqlStore]) -> None:
    logs = [store.log(Tally, Tally, capacity=60, whole=10) for store in two]
    tallies = [store.documents(Tally) for store in two]
    clear = (lambda: logs[0].clear("w"), lambda: two[0].clear("w"))

    def work(number: int) -> None:
        store, log, counted = two[number % 2], logs[number % 2], tallies[number % 2]
        for index in range(60):
            if number == 0:
                clear[index % 2]()
            elif number == 1:
                with store.together(), counted.changing("w", "a") as tally:
                    tally.total += 1
                    log.append("w", Tally(index), Tally(index))
            else:
                log.append("w", Tally(index), Tally(index))

    failures: list[BaseException] = []

    def noted(number: int) -> None:
        try:
            work(number)
        except Exception as problem:
            failures.append(problem)

    in_threads(6, noted)
    assert failures == []
    logs[1].clear("w")
    assert [logs[0].append("w", Tally()) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("whole", [False, True])
def test_no_line_survives_the_clearing_of_its_log(two: tuple[SqlStore, SqlStore], whole: bool) -> None:
    here, there = (store.log(Tally, capacity=60) for store in two)
    here.append("w", Tally())
    writer = threading.Thread(target=there.append, args=("w", Tally()))

    def write(*given: object) -> None:
        if "DELETE FROM log_" in str(given[2]) and not writer.ident:
            writer.start()
            writer.join(0.5)  # it cannot end before the clearing has

    event.listen(Engine, "after_cursor_execute", write)
    try:
        two[0].clear("w") if whole else here.clear("w")
    finally:
        event.remove(Engine, "after_cursor_execute", write)
    writer.join()
    assert [line.number for line in here.lines("w")] == [1]
    assert [here.append("w", Tally()) for _ in range(3)] == [2, 3, 4]


def test_another_process_sees_what_was_committed_at_once(two: tuple[SqlStore, SqlStore]) -> None:
    here, there = two
    assert (here.process, there.process) == (0, 1)
    for number in range(30):
        assert there.get(Endpoint, "w", f"e{number}") is None
        put(here, "w", f"e{number}")
        assert there.get(Endpoint, "w", f"e{number}") == endpoint(f"e{number}")
        assert len(there.all(Endpoint, "w")) == number + 1
        with there.transaction("w") as transaction:
            transaction.put("e0", endpoint("e0")._replace(description=str(number)))
        first = here.get(Endpoint, "w", "e0")
        assert first is not None
        assert first.description == str(number)
    with here.transaction("w") as transaction:
        transaction.delete(Endpoint, "e3")
    assert there.get(Endpoint, "w", "e3") is None
    assert "e3" not in [item.name for item in there.all(Endpoint, "w")]
    here.clear("w")
    assert there.all(Endpoint, "w") == []
    put(here, "w", "again")
    assert [item.name for item in there.all(Endpoint, "w")] == ["again"]


def test_within_a_request_a_process_sees_its_own_writes_and_soon_those_of_others(
    two: tuple[SqlStore, SqlStore],
) -> None:
    here, there = two
    with here.request():
        assert here.get(Endpoint, "w", "a") is None
        put(here, "w", "a")
        assert here.get(Endpoint, "w", "a") == endpoint("a")
        put(there, "w", "b")
        time.sleep(0.05)  # a request that takes its time looks again
        assert here.get(Endpoint, "w", "b") == endpoint("b")


def test_transactions_of_two_processes_follow_one_another(two: tuple[SqlStore, SqlStore]) -> None:
    def write(number: int) -> None:
        store = two[number % 2]
        for index in range(10):
            with store.transaction("w") as transaction:
                access = transaction.get(AccessList, "x") or AccessList("x")
                grant = Grant(Principal("user_name", f"{number}-{index}"), "CAN_VIEW")
                transaction.put("x", access.merged([grant]))

    in_threads(6, write)
    for store in two:
        access = store.get(AccessList, "w", "x")
        assert access is not None
        assert len(access.grants) == 60


def test_counting_in_two_processes_loses_nothing(two: tuple[SqlStore, SqlStore]) -> None:
    def count(number: int) -> None:
        store = two[number % 2]
        tallies, log = store.documents(Tally), store.log(Tally, capacity=1000)
        for _ in range(20):
            with store.together(), tallies.changing("w", "a") as tally:
                tally.total += 1
                log.append("w", Tally(tally.total))

    in_threads(4, count)
    for store in two:
        assert store.documents(Tally).read("w", "a") == Tally(80)
        lines = store.log(Tally, capacity=1000).lines("w")
        assert [(line.number, line.item.total) for line in lines] == [(number, number) for number in range(1, 81)]


def test_a_request_asks_the_database_little(url: str) -> None:
    store = SqlStore(url)
    mock = Mock(Settings(provisioning=0), store=store)
    statements: list[str] = []

    def note(*given: object) -> None:
        statements.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", note)

    def asked(operation: str, request: Request) -> list[str]:
        statements.clear()
        answer = mock.respond(mock.spec.operations[operation], request)
        assert getattr(answer, "status", None) == 200
        return [text for text in statements if not text.startswith("BEGIN")]

    headers = {"authorization": "Bearer dapi-mock", "content-type": "application/json"}
    create = Request("POST", ENDPOINTS, headers, body=b'{"name": "e"}')
    get = Request("GET", f"{ENDPOINTS}/e", headers, {"name": "e"})
    body = b'{"model": "databricks-claude-sonnet-4", "messages": [{"role": "user", "content": "Hello?"}]}'
    chat = Request("POST", "/serving-endpoints/chat/completions", headers, body=body)
    for _ in range(2):  # the second time the caches are filled
        mock.clear("default")
        asked("create_serving_endpoint", create)
        for _ in range(2):
            first, then = asked("get_serving_endpoint", get), asked("create_chat_completion", chat)
    event.remove(Engine, "before_cursor_execute", note)
    # The version, when the endpoint was asked last, and the journal (two statements in SQLite).
    assert len(first) <= 4, first
    # The version, the turn, the usage with its sample, and the journal.
    assert len(then) <= 9, then
    store.close()

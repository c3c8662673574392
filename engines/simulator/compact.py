"""A shorter journal that makes the same world."""

from collections.abc import Iterable

from engines.simulator.journal import Record

_ENOUGH_ACKS = 5_000
_OF_A_SESSION = ("account", "unlinked", "in", "ack", "own", "out", "repeat", "chat", "profile", "forgotten")


def worth_it(records: list[Record], keep: int) -> bool:
    """Whether reading the journal would become noticeably quicker."""
    acks = sum(record[0] == "ack" for record in records)
    return acks > _ENOUGH_ACKS or len(records) > 8 * keep or any(record[0] == "forgotten" for record in records)


def compacted(records: list[Record], keep: int) -> list[Record]:
    """The same without forgotten sessions, acknowledgements, old forms of documents, and but the last sends and events.

    What an engine has taken becomes what its account merely remembers.
    """
    records = _without_forgotten(records)
    taken = {(session_id, number) for kind, session_id, *rest in _of("ack", records) for number in rest[0]}
    newest = {(record[1], record[2]): index for index, record in enumerate(records) if record[0] == "doc"}
    droppable = sum(record[0] in ("out", "own") or _is_taken(record, taken) for record in records) - 4 * keep
    fresh: list[Record] = []
    for index, record in enumerate(records):
        kind = record[0]
        if kind == "ack" or (kind == "doc" and newest[record[1], record[2]] != index):
            continue
        if kind in ("out", "own") or _is_taken(record, taken):
            droppable -= 1
            if droppable >= 0:
                continue
        fresh.append(["own", record[1], record[3]] if _is_taken(record, taken) else record)
    return fresh


def _without_forgotten(records: list[Record]) -> list[Record]:
    last = {record[1]: index for index, record in enumerate(records) if record[0] == "forgotten"}
    return [
        record
        for index, record in enumerate(records)
        if record[0] not in _OF_A_SESSION or index > last.get(record[1], -1)
    ]


def _of(kind: str, records: list[Record]) -> Iterable[Record]:
    return (record for record in records if record[0] == kind)


def _is_taken(record: Record, taken: set[tuple[str, int]]) -> bool:
    return record[0] == "in" and (record[1], record[2]) in taken

"""A shorter journal that makes the same world."""

from collections.abc import Iterable

from engines.simulator.journal import Record

_ENOUGH_ACKS = 5_000


def worth_it(records: list[Record], keep: int) -> bool:
    """Whether reading the journal would become noticeably quicker."""
    return sum(record[0] == "ack" for record in records) > _ENOUGH_ACKS or len(records) > 8 * keep


def compacted(records: list[Record], keep: int) -> list[Record]:
    """The same without acknowledgements, older forms of documents, and all but the last `keep` sends and events.

    What an engine has taken becomes what its account merely remembers.
    """
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


def _of(kind: str, records: list[Record]) -> Iterable[Record]:
    return (record for record in records if record[0] == kind)


def _is_taken(record: Record, taken: set[tuple[str, int]]) -> bool:
    return record[0] == "in" and (record[1], record[2]) in taken

"""Keys as they are stored: what their use costs, and what is written of their changes."""

from sqlalchemy import select

from storage.tables import audit_logs
from tests.support import START, Gateway, writes


def make(gateway: Gateway, **more) -> dict:
    return gateway.post("/auth/api-keys", json={"name": "Billing", **more}).json


def test_uses_are_counted_without_a_write_per_request(gateway: Gateway) -> None:
    made = make(gateway)
    with writes(gateway.program.db) as seen:
        for _ in range(20):
            gateway.get("/sessions", key=made["apiKey"])
    assert [] == seen
    gateway.program.usage.flush(gateway.program.db)
    shown = gateway.get(f"/auth/api-keys/{made['id']}").json
    assert (shown["usageCount"], shown["lastUsedAt"]) == (20, "2027-01-15T08:00:00.000Z")


def test_uses_of_all_keys_are_written_in_one_transaction_of_one_write_each(gateway: Gateway) -> None:
    keys = [gateway.key("viewer") for _ in range(3)]
    gateway.program.usage.flush(gateway.program.db)
    for key in keys * 2:
        gateway.get("/sessions", key=key)
    with writes(gateway.program.db) as seen:
        gateway.program.usage.flush(gateway.program.db)
        gateway.program.usage.flush(gateway.program.db)
    assert 3 == len(seen)


def test_a_refused_request_counts_as_no_use(gateway: Gateway) -> None:
    made = make(gateway, role="viewer")
    gateway.post("/sessions", key=made["apiKey"], json={"name": "my-bot"})
    gateway.program.usage.flush(gateway.program.db)
    assert 0 == gateway.get(f"/auth/api-keys/{made['id']}").json["usageCount"]


def test_changes_of_keys_are_audited_with_who_and_whence(gateway: Gateway) -> None:
    made = make(gateway)
    gateway.put(f"/auth/api-keys/{made['id']}", json={"name": "Invoices"})
    gateway.post(f"/auth/api-keys/{made['id']}/revoke")
    gateway.delete(f"/auth/api-keys/{made['id']}")
    c = audit_logs.c
    with gateway.program.db.read() as tx:
        rows = tx.execute(select(c.action, c.api_key_name, c.ip_address, c.created_at).order_by(c.row)).all()
    actions = ["api_key_created", "api_key_updated", "api_key_revoked", "api_key_deleted"]
    assert rows == [(action, "Default Admin Key", "127.0.0.1", START) for action in actions]

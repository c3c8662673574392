"""What the tests have seen of the document: every operation with every status it promises, in a whole run.

`hold` in tests/support.py notes each answer; conftest.py asks here at the end of a run.
"""

from fnmatch import fnmatchcase

from tests.spec import operations
from tests.support import SEEN

EXCUSED = {  # "operation status", with the reason why no test sees it
    "health.* 500": "nothing in it can fail but by a fault in our code",
    "infra.health 500": "nothing in it can fail but by a fault in our code",
    "docs.* 500": "nothing in it can fail but by a fault in our code",
    "metrics.get 500": "nothing in it can fail but by a fault in our code",
    "simulator.post_status 404": "any number may be somebody's, who may post",
    "sessions.request_pairing_code 409": "the simulator is connected as soon as it can be asked for a code",
    "sessions.request_pairing_code 422": "the simulator gives everybody a code",
    "sessions.request_pairing_code 504": "the simulator gives everybody a code, at once",
}


def unseen() -> list[str]:
    """Documented answers that no test has seen and nothing excuses, and excuses that nothing needs."""
    promised = {
        f"{one.id} {status}"
        for one in operations()
        for status in one.responses
        if (one.raw["x-required-role"], status) != ("viewer", "403")  # there is no lower role to be refused
    }
    missing = promised - {f"{name} {status}" for name, status in SEEN}
    excused = {pair for pair in missing if any(fnmatchcase(pair, pattern) for pattern in EXCUSED)}
    idle = {pattern for pattern in EXCUSED if not any(fnmatchcase(pair, pattern) for pair in missing)}
    return sorted(missing - excused) + sorted(f"{pattern} is excused and seen" for pattern in idle)

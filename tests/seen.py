"""What the tests have seen of the document: every operation with every status it promises, in a whole run.

Each test's answers pass through tests/support.py, which notes them here; conftest.py asks at the end of a run.
"""

from fnmatch import fnmatchcase

from tests.spec import operations
from tests.support import SEEN

EXCUSED: dict[str, str] = {}


def unseen() -> list[str]:
    """Documented answers that no test has seen and nothing excuses, and excuses that nothing needs."""
    promised = {f"{one.id} {status}" for one in operations() for status in one.responses}
    missing = promised - {f"{name} {status}" for name, status in SEEN}
    excused = {pair for pair in missing if any(fnmatchcase(pair, pattern) for pattern in EXCUSED)}
    idle = {pattern for pattern in EXCUSED if not any(fnmatchcase(pair, pattern) for pair in missing)}
    return sorted(missing - excused) + sorted(f"{pattern} is excused and seen" for pattern in idle)

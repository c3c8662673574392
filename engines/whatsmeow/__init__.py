"""The real engine: neonize (whatsmeow) in a worker process per session.

    verbs, engine   what the gateway holds: `Whatsmeow`
    supervisor      keeps the worker running; process: one worker; delivery: the way to the sink
    frames, exits   what the two say to each other
    worker, inside  the process that loads the library

Only `worker` and `inside` may import neonize, and the gateway imports neither: the library can abort its process.
"""

from engines.whatsmeow.engine import missing
from engines.whatsmeow.verbs import Whatsmeow

__all__ = ["Whatsmeow", "missing"]

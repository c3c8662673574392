"""The real engine: neonize (whatsmeow) in worker processes, one for each session or for a few.

    verbs, engine   what the gateway holds: `verbs.Whatsmeow`
    supervisor      keeps a session served; delivery: the way to the sink
    workers         the processes: `process` is one of them, `seat` a session's place in it
    frames, exits   what the two say to each other; installed: whether all that is needed is there
    worker, stay    the process that loads the library (`inside`), and what it does for one session

Only `inside` may import neonize, and the gateway imports neither: the library can abort its process.
Nothing is imported here: a worker that needs little stays small.
"""

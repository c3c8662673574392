"""The real engine: neonize (whatsmeow) in a worker process per session.

    verbs, engine   what the gateway holds: `verbs.Whatsmeow`
    supervisor      keeps the worker running; process: one worker; delivery: the way to the sink
    frames, exits   what the two say to each other; installed: whether all that is needed is there
    worker, inside  the process that loads the library

Only `worker` and `inside` may import neonize, and the gateway imports neither: the library can abort its process.
Nothing is imported here: a worker that needs little stays small.
"""

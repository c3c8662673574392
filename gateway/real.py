"""The engine of real numbers, as the gateway makes it from its configuration."""

from engines.base import EngineFactory
from engines.whatsmeow.installed import missing
from gateway.config import BadConfig, Config

_HOW = (
    "In a clone: python3 -m tools.serve installs it; elsewhere: pip install --constraint constraints.txt '.[whatsmeow]'"
)


def factory(config: Config) -> EngineFactory:
    """What makes engines for accounts. Raises BadConfig where something is not installed."""
    absent = missing()
    if absent:
        raise BadConfig(f"ENGINE_TYPE=whatsmeow needs {' and '.join(absent)}, not installed here. {_HOW}")
    from engines.whatsmeow.frames import Settings  # noqa: PLC0415 - not installed for who uses the simulator only
    from engines.whatsmeow.verbs import Whatsmeow  # noqa: PLC0415
    from engines.whatsmeow.workers import Workers  # noqa: PLC0415

    settings, workers = Settings(media_cap=config.media_max_bytes), Workers(config.sessions_per_worker)
    return lambda account, sink: Whatsmeow(account, sink, settings, workers)

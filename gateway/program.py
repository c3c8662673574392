"""The composition: configuration in, a gateway that runs out."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from engines import Engines
from engines.base import EngineError, EngineFactory, Event, StateChanged
from engines.simulator import Simulator, World
from gateway import __version__, real, retention
from gateway.app import Site, build
from gateway.bulk import Bulk
from gateway.calls import Doorman
from gateway.config import Config, effective
from gateway.delivery import Delivery
from gateway.document import bundle
from gateway.enclosing import enclosing
from gateway.gate import House
from gateway.inbound import Inbound
from gateway.limiter import Limiter, Window
from gateway.mcp import beside
from gateway.media import Media
from gateway.metrics import Metrics
from gateway.objects import Bucket
from gateway.outbound import Outbound
from gateway.promise import watching
from gateway.published import Published
from gateway.retries import HOUR, Rules
from gateway.sender import Sender
from gateway.streams import Limits, Streams
from handlers import session_happenings
from handlers.sessions import account
from handlers.settings import Settings
from storage import Unavailable, api_keys, audit, credentials, events, migrate, search, sessions
from storage.db import Database
from storage.files import Files, private_directory

log = logging.getLogger("openwa")
_USAGE_EVERY = 15.0
_RESTARTED = StateChanged("disconnected", reason="gateway_restarted")


def wall_clock() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Program:
    """One gateway: its database, its engines, its WSGI app and what runs beside requests."""

    def __init__(
        self,
        config: Config,
        *,
        now: Callable[[], int] = wall_clock,
        world: World | None = None,
        site: Site | None = None,
        show: Callable[[str, Sequence[Event]], None] | None = None,
    ) -> None:
        """Open the database, bring its schema up and build the app. Raises NewerDatabase, Unavailable, BadConfig.

        `world` is the simulator's; one in the data directory is made where none is given. `site` is an app built
        before, whose last house has moved out. `show` is told what happened, with the session's name.
        """
        self.config = config
        self._now = now
        self._show = show
        self._stopping = threading.Event()
        self._loops: list[threading.Thread] = []
        self.draining = False
        self.db = open_database(config)
        self._wanted = self._reset()
        self.streams = Streams(self.db, now, Limits(config.event_streams_max))
        self.usage = api_keys.Usage()
        self.refusals = audit.Refusals()
        self.metrics = Metrics()
        self.promise = watching(bundle(), config.contract_check, self.metrics)
        self.settings = self._settings()
        self.world = (world or self._world()) if config.engine_type == "simulator" else None
        self.doorman = Doorman()
        self.outbound = Outbound(config.ssrf_allowed_hosts, config.ssrf_dns_timeout / 1000)
        self.media = self._media()
        self.engines = self._engines()
        typing = config.simulate_typing_max * config.simulate_typing
        self.sender = Sender(self.db, self.engines, now, self.tell, typing_max=typing, ready=self.media.ready)
        self.sender.recover()
        self.delivery = self._delivery()
        self.bulk = Bulk(self.db, now, self.wake)
        self.app = beside((site or build(bundle())).move_in(self._house()), bundle(), config)
        self.first_key = _seed(self.db, config, now())

    def wake(self) -> None:
        """Something was committed: sends, a connection, events, deliveries."""
        self.sender.wake()
        self.tell()

    def tell(self) -> None:
        """Events were committed, and their deliveries."""
        self.delivery.wake()
        self.streams.wake()

    def drain(self) -> None:
        """Let nobody in any more, and end what would never end by itself."""
        self.draining = True
        self.streams.close()

    def start(self) -> None:
        """Start what runs beside requests."""
        self.delivery.start()
        loops = [self.sender.run, self.bulk.run, self.media.run, self._forget_old, self._write_usage]
        if self.config.auto_start_sessions:
            loops.append(self._start_wanted)
        for loop in loops:
            thread = threading.Thread(target=loop, name=loop.__name__.strip("_"), daemon=True)
            thread.start()
            self._loops.append(thread)

    def stop(self) -> None:
        """Stop engines and loops, write what is only in memory, close the database."""
        self._stopping.set()
        self.bulk.stop()
        self.media.stop()
        self.streams.close()
        self.sender.stop()
        self.engines.stop_all()
        self.doorman.stop()
        self.delivery.stop(self.config.shutdown_delay / 1000)
        self.outbound.close()
        if self.world is not None:
            self.world.close()
        for loop in self._loops:  # a connection closed under a thread that uses it would take the process down
            loop.join(10)
        self.usage.flush(self.db)
        self.refusals.flush(self.db)
        self.db.close()

    def _reset(self) -> list[sessions.Session]:
        """At boot no engine runs, whatever a dead process has left; the sessions that should be running."""
        now = self._now()
        with self.db.write() as tx:
            credentials.finish(tx, self.config.data_dir)
            left = sessions.reset_live(tx, now)
            for session_id in left:
                events.append(tx, session_id, session_happenings.session_changed(session_id, _RESTARTED, now), now)
            return sessions.wanted(tx)

    def _media(self) -> Media:
        config = self.config
        return Media(
            self.db,
            Files(config.data_dir / "media", config.media_max_bytes),
            self.outbound,
            self._now,
            most=config.media_max_bytes,
            timeout=config.media_timeout / 1000,
            days=config.media_retention_days,
            objects=Bucket(config) if config.storage_type == "s3" else None,
        )

    def _settings(self) -> Settings:
        return Settings(
            version=__version__,
            data_dir=self.config.data_dir,
            pepper=self.config.api_key_pepper,
            metrics_token=self.config.metrics_token,
            draining=lambda: self.draining,
            shown=effective(self.config),
        )

    def _engines(self) -> Engines:
        return Engines(
            self.config.engine_type,
            self._factory(),
            Inbound(self.db, self._now, self.tell, self._told, self.media).record,
            most=self.config.max_concurrent_sessions,
            forget=self.world.forget if self.world else lambda _: None,
        )

    def _told(self, session: sessions.Session, happened: Sequence[Event]) -> None:
        self.metrics.happened(happened)
        self.doorman.heard(self.engines, session, happened)
        if any(isinstance(event, StateChanged) for event in happened):
            self.sender.wake()  # what waited for a connection may have one
        if self._show is not None:
            self._show(session.name, happened)

    def _delivery(self) -> Delivery:
        config = self.config
        return Delivery(
            self.db,
            self.outbound,
            self._now,
            Rules(
                delay=config.webhook_retry_delay,
                horizon=config.webhook_retry_horizon_hours * HOUR,
                disable_after=config.webhook_disable_after_hours * HOUR,
            ),
            timeout=config.webhook_timeout / 1000,
            workers=config.webhook_workers,
            guarded=config.webhook_ssrf_protect,
            retention=config.webhook_retention_hours * HOUR,
            noted=lambda made: self.metrics.attempted(made.duration / 1000, ok=made.ok),
            posting=self.promise.delivery if self.promise else lambda _: None,
            enclose=enclosing(self.db, self.media, config.webhook_media_inline),
        )

    def _world(self) -> World:
        return World(private_directory(self.config.data_dir / "simulator"))

    def _factory(self) -> EngineFactory:
        world, link_after = self.world, self.config.simulator_link_after / 1000
        if world is None:
            return real.factory(self.config)
        return lambda account, sink: Simulator(account, sink, world, link_after=link_after)

    def _house(self) -> House:
        config = self.config
        windows = [
            Window(config.rate_limit_short_limit, config.rate_limit_short_ttl),
            Window(config.rate_limit_medium_limit, config.rate_limit_medium_ttl),
            Window(config.rate_limit_long_limit, config.rate_limit_long_ttl),
        ]
        return House(
            context={
                "db": self.db,
                "engines": self.engines,
                "sender": self.sender,
                "keeper": self.media,
                "delivery": self.delivery,
                "bulk": self.bulk,
                "settings": self.settings,
                "usage": self.usage,
                "metrics": self.metrics,
                "document": Published(bundle()),
                "world": self.world,
            },
            limiter=Limiter(windows),
            metrics=self.metrics,
            promise=self.promise,
            now=self._now,
            draining=lambda: self.draining,
            streams=self.streams,
            refusals=self.refusals,
            trusted_proxies=config.trusted_proxies,
            cors_origins=config.cors_origins,
            error_detail=config.validation_error_detail,
            body_max_bytes=config.body_max_bytes,
        )

    def _write_usage(self) -> None:
        while not self._stopping.wait(_USAGE_EVERY):
            self.usage.flush(self.db)
            self.refusals.flush(self.db)
            search.catch_up(self.db)

    def _forget_old(self) -> None:
        while not self._stopping.is_set():
            try:
                days = self.config.event_retention_days, self.config.audit_retention_days
                retention.turn(self.db, self._now(), *days)
            except Unavailable as error:
                log.warning("what is old stays for now: %s", error)
            self._stopping.wait(retention.EVERY)

    def _start_wanted(self) -> None:
        for row in self._wanted:
            if self._stopping.is_set():
                return
            try:
                self.engines.start(row.id, lambda row=row: account(row, self.settings))  # type: ignore[misc]
            except EngineError as error:
                log.warning("session %s did not start: %s", row.name, error)


def open_database(config: Config) -> Database:
    """The database of this configuration, its schema up to date. Raises NewerDatabase, Unavailable."""
    private_directory(config.data_dir)
    db = Database(config.database)
    migrate.upgrade(db)
    return db


def _seed(db: Database, config: Config, now: int) -> str | None:
    """The first admin key, where there was none: in the data directory for its owner only, and returned to be shown."""
    secret = config.api_master_key or api_keys.new_secret()
    with db.write() as tx:
        if not api_keys.seed(tx, secret, config.api_key_pepper, now):
            return None
    file = config.data_dir / ".api-key"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(secret + "\n")
    return secret

"""What a user may set, read once from the environment; under OpenWA's names where the meaning is the same."""

import os
import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_args

from marshmallow import RAISE, Schema, ValidationError, validate
from marshmallow import fields as ma

MIB = 1024 * 1024
_OURS = ("OPENWA_", "RATE_LIMIT_", "SIMULATOR_", "API_", "DATABASE_", "WEBHOOK_", "SSRF_")


def _of(env: str, default: Any, doc: str, *, secret: bool = False, check: Any = None) -> Any:
    return field(default=default, metadata={"env": env, "doc": doc, "secret": secret, "check": check})


_POSITIVE = validate.Range(min=1, max=2**53)
_HOURS = validate.Range(min=1, max=24 * 3650)
_NATURAL = validate.Range(min=0, max=2**53)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What this gateway runs with. Each field's metadata holds its variable, its sentence and its bounds."""

    host: str = _of("HOST", "127.0.0.1", "Address to listen on; 0.0.0.0 for every interface, behind a TLS proxy")
    port: int = _of("PORT", 2785, "Port to listen on; 0 takes a free one", check=validate.Range(min=0, max=65535))
    base_url: str = _of("BASE_URL", "", "Address that users reach, for the banner and links; empty: host and port")
    data_dir: Path = _of("DATA_DIR", Path("data"), "Directory of the database, keys and credentials, made 0700")
    database_url: str = _of(
        "DATABASE_URL", "", "postgresql://… or sqlite:///…; empty: openwa.sqlite in the data directory", secret=True
    )
    engine_type: str = _of(
        "ENGINE_TYPE", "simulator", "How WhatsApp is reached", check=validate.OneOf(["simulator", "whatsmeow"])
    )
    sessions_per_worker: int = _of(
        "WHATSMEOW_SESSIONS_PER_WORKER",
        1,
        "Real numbers that share a worker process; more is less memory, and one that crashes it takes the others along",
        check=validate.Range(min=1, max=100),
    )
    api_master_key: str = _of(
        "API_MASTER_KEY", "", "First admin key, used only when no key exists yet; empty: a random one", secret=True
    )
    api_key_pepper: str = _of(
        "API_KEY_PEPPER", "", "Secret mixed into stored key hashes; changing it invalidates every key", secret=True
    )
    rate_limit_short_limit: int = _of("RATE_LIMIT_SHORT_LIMIT", 10, "Requests per short window", check=_POSITIVE)
    rate_limit_short_ttl: int = _of("RATE_LIMIT_SHORT_TTL", 1_000, "Short window, milliseconds", check=_POSITIVE)
    rate_limit_medium_limit: int = _of("RATE_LIMIT_MEDIUM_LIMIT", 100, "Requests per medium window", check=_POSITIVE)
    rate_limit_medium_ttl: int = _of("RATE_LIMIT_MEDIUM_TTL", 60_000, "Medium window, milliseconds", check=_POSITIVE)
    rate_limit_long_limit: int = _of("RATE_LIMIT_LONG_LIMIT", 1_000, "Requests per long window", check=_POSITIVE)
    rate_limit_long_ttl: int = _of("RATE_LIMIT_LONG_TTL", 3_600_000, "Long window, milliseconds", check=_POSITIVE)
    trusted_proxies: tuple[str, ...] = _of(
        "TRUSTED_PROXIES", (), "Addresses or networks, comma separated, whose X-Forwarded-For is believed"
    )
    cors_origins: tuple[str, ...] = _of(
        "CORS_ORIGINS", ("*",), "Origins, comma separated, whose pages may call the API; * is any, without credentials"
    )
    validation_error_detail: bool = _of(
        "VALIDATION_ERROR_DETAIL", True, "Whether a 400 lists each problem; false answers just Bad Request"
    )
    media_max_bytes: int = _of(
        "MEDIA_DOWNLOAD_MAX_BYTES", 50 * MIB, "Largest media, decoded bytes; the body limit follows it", check=_POSITIVE
    )
    media_timeout: int = _of(
        "MEDIA_DOWNLOAD_TIMEOUT_MS", 30_000, "Milliseconds that fetching media by URL may take", check=_POSITIVE
    )
    media_retention_days: int = _of(
        "MEDIA_RETENTION_DAYS", 30, "Days until media is removed; its message stays; 0 keeps all", check=_NATURAL
    )
    storage_type: str = _of(
        "STORAGE_TYPE",
        "local",
        "Where media is kept once it is sent or received: on this disk, or in object storage",
        check=validate.OneOf(["local", "s3"]),
    )
    s3_endpoint: str = _of("S3_ENDPOINT", "https://s3.amazonaws.com", "Address of the object storage")
    s3_bucket: str = _of("S3_BUCKET", "openwa", "Bucket of the object storage, which has to be there")
    s3_region: str = _of("S3_REGION", "us-east-1", "Region of the object storage")
    s3_access_key: str = _of("S3_ACCESS_KEY_ID", "", "Access key of the object storage", secret=True)
    s3_secret_key: str = _of("S3_SECRET_ACCESS_KEY", "", "Secret key of the object storage", secret=True)
    metrics_token: str = _of(
        "METRICS_TOKEN", "", "Bearer token of /api/metrics; empty switches the endpoint off", secret=True
    )
    auto_start_sessions: bool = _of(
        "AUTO_START_SESSIONS", False, "Start at boot the sessions that were running when the gateway stopped"
    )
    max_concurrent_sessions: int = _of(
        "MAX_CONCURRENT_SESSIONS", 0, "Most sessions running at once; 0 is unlimited", check=_NATURAL
    )
    simulate_typing: bool = _of("SIMULATE_TYPING", True, "Whether a text is preceded by a typing pause")
    simulate_typing_max: int = _of(
        "SIMULATE_TYPING_MAX_MS", 5_000, "Longest typing pause, milliseconds", check=_NATURAL
    )
    simulator_link_after: int = _of(
        "SIMULATOR_LINK_AFTER", 2_000, "Milliseconds until a simulated phone scans the code", check=_NATURAL
    )
    webhook_timeout: int = _of("WEBHOOK_TIMEOUT", 10_000, "Milliseconds a delivery may take", check=_POSITIVE)
    webhook_retry_delay: int = _of(
        "WEBHOOK_RETRY_DELAY",
        5_000,
        "Milliseconds before the first retry; each further quick one doubles",
        check=_POSITIVE,
    )
    webhook_retry_horizon_hours: int = _of(
        "WEBHOOK_RETRY_HORIZON_HOURS", 72, "Hours until an undelivered event is a dead letter", check=_HOURS
    )
    webhook_disable_after_hours: int = _of(
        "WEBHOOK_DISABLE_AFTER_HOURS",
        120,
        "Hours without any success until a failing webhook is disabled",
        check=_HOURS,
    )
    webhook_retention_hours: int = _of(
        "WEBHOOK_RETENTION_HOURS", 336, "Hours that ended deliveries and their attempts are kept", check=_HOURS
    )
    webhook_workers: int = _of(
        "WEBHOOK_WORKER_CONCURRENCY", 16, "Deliveries under way at once", check=validate.Range(min=2, max=256)
    )
    webhook_media_inline: int = _of(
        "WEBHOOK_MEDIA_INLINE_MAX_BYTES",
        MIB,
        "Largest media, bytes, that webhooks get inside, in base64; above it they get its link alone; 0 never",
        check=validate.Range(min=0, max=64 * MIB),
    )
    webhook_ssrf_protect: bool = _of(
        "WEBHOOK_SSRF_PROTECT", True, "Whether webhooks may go to public addresses only; media always has to"
    )
    ssrf_allowed_hosts: tuple[str, ...] = _of(
        "SSRF_ALLOWED_HOSTS", (), "Hosts, comma separated, that may be called whatever their address"
    )
    ssrf_dns_timeout: int = _of("SSRF_DNS_TIMEOUT_MS", 10_000, "Milliseconds to look a host up", check=_POSITIVE)
    http_threads: int = _of("HTTP_THREADS", 16, "Requests worked on at once", check=validate.Range(min=2, max=256))
    http_max_connections: int = _of(
        "HTTP_MAX_CONNECTIONS", 1_000, "Open client connections at most", check=validate.Range(min=1, max=100_000)
    )
    event_streams_max: int = _of(
        "EVENT_STREAMS_MAX", 1_000, "Clients that may wait for events at once; beside other connections", check=_NATURAL
    )
    event_retention_days: int = _of(
        "EVENT_RETENTION_DAYS",
        30,
        "Days until events and accounts of sends are forgotten; 0 keeps all",
        check=_NATURAL,
    )
    audit_retention_days: int = _of(
        "AUDIT_RETENTION_DAYS", 90, "Days until a line of the audit log is forgotten; 0 keeps all", check=_NATURAL
    )
    headers_timeout: int = _of(
        "HEADERS_TIMEOUT_MS", 65_000, "Milliseconds a silent or slow client keeps its connection", check=_POSITIVE
    )
    shutdown_delay: int = _of(
        "SHUTDOWN_DELAY_MS", 10_000, "Grace, milliseconds, for requests in flight after SIGTERM", check=_NATURAL
    )
    mcp_enabled: bool = _of("MCP_ENABLED", False, "Whether agents find tools at /mcp (Model Context Protocol)")
    mcp_readonly: bool = _of("MCP_READONLY", True, "Whether those tools only read; false adds what sends and changes")
    contract_check: str = _of(
        "CONTRACT_CHECK",
        "off",
        "Which answers and deliveries are held against the document while it runs; sample is every hundredth",
        check=validate.OneOf(["off", "sample", "all"]),
    )
    log_level: str = _of(
        "LOG_LEVEL", "info", "Least severity logged", check=validate.OneOf(["error", "warn", "info", "debug"])
    )
    log_format: str = _of(
        "LOG_FORMAT", "pretty", "pretty for people, json for machines", check=validate.OneOf(["pretty", "json"])
    )

    @property
    def database(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir / 'openwa.sqlite'}"

    @property
    def body_max_bytes(self) -> int:
        """The largest request body: media as base64 (4 bytes for 3) with room for the JSON around it."""
        return self.media_max_bytes * 4 // 3 + 4 * MIB


class BadConfig(ValueError):
    """Some variables have values that make no sense; the message lists them all."""


def load(environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration; a blank value counts as unset. Raises BadConfig with every problem."""
    by_env = {f.metadata["env"]: f.name for f in fields(Config)}
    given = {by_env[name]: value for name, value in environ.items() if name in by_env and value.strip()}
    try:
        values: dict[str, Any] = _schema().load(given)
    except ValidationError as error:
        problems: dict[str, Any] = error.messages_dict
        names = {f.name: f.metadata["env"] for f in fields(Config)}
        raise BadConfig("\n".join(f"{names[n]}: {' '.join(_texts(said))}" for n, said in problems.items())) from None
    read: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    config = Config(**read)
    if 0 < config.event_retention_days * 24 < config.webhook_retry_horizon_hours:
        raise BadConfig("EVENT_RETENTION_DAYS: must not be shorter than WEBHOOK_RETRY_HORIZON_HOURS")
    return config


def unknown(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that look like ours and are not: most likely misspelt."""
    known = {f.metadata["env"] for f in fields(Config)}
    return sorted(name for name in environ if name.startswith(_OURS) and name not in known)


def effective(config: Config) -> dict[str, str]:
    """Every variable with its value as text, secrets masked."""
    shown: dict[str, str] = {}
    for f in fields(Config):
        value = getattr(config, f.name)
        text = (
            ",".join(value)
            if isinstance(value, tuple)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
        )
        shown[f.metadata["env"]] = "********" if f.metadata["secret"] and text else text
    return shown


class _List(ma.Field[list[str]]):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[str]:
        return [part.strip() for part in str(value).split(",") if part.strip()]


class _PathField(ma.Field[Path]):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Path:
        return Path(value).expanduser()


def _network(value: list[str]) -> None:
    for text in value:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValidationError(f"'{text}' is no address or network") from None


def _schema() -> Schema:
    kinds: dict[Any, Any] = {str: ma.String, int: ma.Integer, Path: _PathField}
    made: dict[str, ma.Field[Any]] = {}
    for f in fields(Config):
        check = f.metadata["check"]
        if f.type is bool:
            made[f.name] = ma.Boolean(truthy={"true"}, falsy={"false"})
        elif isinstance(f.type, types.GenericAlias) and get_args(f.type):
            made[f.name] = _List(validate=_network if f.name == "trusted_proxies" else None)
        else:
            made[f.name] = kinds[f.type](validate=check)
    return Schema.from_dict(dict(made))(unknown=RAISE)


def _texts(said: Any) -> list[str]:
    return [text for texts in said.values() for text in texts] if isinstance(said, dict) else list(said)

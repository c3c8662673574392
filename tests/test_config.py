"""Configuration: read once, every problem at once, secrets masked."""

from dataclasses import fields
from pathlib import Path

import pytest

from gateway.config import BadConfig, Config, effective, load, unknown


def test_nothing_set_is_a_configuration_that_works() -> None:
    config = load({})
    assert ("127.0.0.1", 2785, Path("data"), "simulator") == (
        config.host, config.port, config.data_dir, config.engine_type,
    )  # fmt: skip


def test_the_rate_limits_are_those_of_the_conventions() -> None:
    config = load({})
    windows = [
        (config.rate_limit_short_limit, config.rate_limit_short_ttl),
        (config.rate_limit_medium_limit, config.rate_limit_medium_ttl),
        (config.rate_limit_long_limit, config.rate_limit_long_ttl),
    ]
    assert [(10, 1_000), (100, 60_000), (1000, 3_600_000)] == windows


def test_the_body_limit_lets_the_largest_media_through_as_base64() -> None:
    config = load({})
    assert 50 * 2**20 == config.media_max_bytes
    assert -(-config.media_max_bytes // 3) * 4 < config.body_max_bytes


def test_values_are_read_by_their_kind() -> None:
    config = load({"PORT": "8080", "TRUSTED_PROXIES": "10.0.0.0/8, ::1 ,", "AUTO_START_SESSIONS": "true"})
    assert (8080, ("10.0.0.0/8", "::1"), True) == (config.port, config.trusted_proxies, config.auto_start_sessions)


@pytest.mark.parametrize("blank", ["", " ", "\t"])
def test_a_blank_value_counts_as_unset(blank: str) -> None:
    assert load({}) == load(dict.fromkeys((f.metadata["env"] for f in fields(Config)), blank))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0x50"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "2785.5"),
        ("RATE_LIMIT_SHORT_LIMIT", "0"),
        ("RATE_LIMIT_LONG_TTL", "1h"),
        ("ENGINE_TYPE", "baileys"),
        ("LOG_LEVEL", "verbose"),
        ("LOG_FORMAT", "xml"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/40"),
        ("AUTO_START_SESSIONS", "yes"),
        ("VALIDATION_ERROR_DETAIL", "1"),
        ("HTTP_THREADS", "1"),
    ],
)
def test_a_value_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(BadConfig, match=f"^{name}: "):
        load({name: value})


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(BadConfig) as told:
        load({"PORT": "x", "LOG_LEVEL": "y", "TRUSTED_PROXIES": "z"})
    assert {"PORT", "LOG_LEVEL", "TRUSTED_PROXIES"} == {line.split(":")[0] for line in str(told.value).splitlines()}


def test_events_are_kept_for_as_long_as_their_delivery_is_tried() -> None:
    with pytest.raises(BadConfig, match="EVENT_RETENTION_DAYS: must not be shorter"):
        load({"EVENT_RETENTION_DAYS": "2", "WEBHOOK_RETRY_HORIZON_HOURS": "49"})
    assert 0 == load({"EVENT_RETENTION_DAYS": "0", "WEBHOOK_RETRY_HORIZON_HOURS": "49"}).event_retention_days


def test_a_database_url_wins_over_the_data_directory() -> None:
    assert "sqlite:////tmp/x/openwa.sqlite" == load({"DATA_DIR": "/tmp/x"}).database
    assert "postgresql://h/db" == load({"DATA_DIR": "/tmp/x", "DATABASE_URL": "postgresql://h/db"}).database


def test_secrets_are_masked() -> None:
    secret = {
        "API_MASTER_KEY": "s3cret",
        "API_KEY_PEPPER": "s3cret",
        "METRICS_TOKEN": "s3cret",
        "DATABASE_URL": "s3cret",
    }
    shown = effective(load(secret))
    assert dict.fromkeys(secret, "********") == {name: shown[name] for name in secret}
    assert "s3cret" not in str(shown)


def test_an_unset_secret_is_shown_as_unset() -> None:
    assert "" == effective(load({}))["API_MASTER_KEY"]


def test_what_is_shown_reads_back_as_the_same_configuration() -> None:
    config = load({"PORT": "1", "TRUSTED_PROXIES": "10.0.0.1,10.0.0.2", "AUTO_START_SESSIONS": "true"})
    assert config == load(effective(config))


def test_misspelt_variables_are_noticed_and_others_left_alone() -> None:
    environ = {"RATE_LIMIT_SHRT_LIMIT": "1", "OPENWA_PORT": "1", "PORT": "1", "PATH": "/bin", "HOME": "/"}
    assert ["OPENWA_PORT", "RATE_LIMIT_SHRT_LIMIT"] == unknown(environ)


def test_every_variable_has_a_sentence() -> None:
    assert [] == [f.name for f in fields(Config) if len(f.metadata["doc"]) < 15]

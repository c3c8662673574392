"""Addresses: whatever is written, one dialect comes out, and the document's pattern takes exactly what is taken."""

import re

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.addresses import BadAddress, from_phone, is_group, parse, phone
from tests.support import document

ADDRESS = document()["components"]["schemas"]["Address"]
PATTERN = jsonschema_rs.Draft4Validator({k: ADDRESS[k] for k in ("type", "pattern", "minLength", "maxLength")})
SERVERS = ["c.us", "s.whatsapp.net", "lid", "g.us", "newsletter", "broadcast", "C.US", "example.com", ""]

numbers = st.from_regex(r"\+?[0-9 ().-]{0,30}", fullmatch=True)
users = st.one_of(numbers, st.from_regex(r"[0-9]{1,33}([:.-][0-9]{0,5})?", fullmatch=True), st.sampled_from(["status"]))
servers = st.sampled_from([f"@{server}" for server in SERVERS] + [""])
written = st.one_of(
    st.builds(lambda user, server: user + server, users, servers),
    st.text(alphabet="0123456789@+ ().-:acdglnrstuw", max_size=40),
    st.from_regex(ADDRESS["pattern"], fullmatch=True),
    st.text(max_size=30),
)


def parsed(text: str) -> str | None:
    try:
        return parse(text)
    except BadAddress:
        return None


@settings(max_examples=1000, deadline=None)
@given(written)
def test_what_was_parsed_parses_to_itself(text: str) -> None:
    once = parsed(text)
    assert once == (once and parsed(once))


@settings(max_examples=2000, deadline=None)
@given(written)
def test_the_document_takes_exactly_what_is_parsed(text: str) -> None:
    assert PATTERN.is_valid(text) == (parsed(text) is not None), text


@settings(max_examples=500, deadline=None)
@given(written)
def test_what_comes_out_is_of_one_dialect(text: str) -> None:
    once = parsed(text)
    dialect = (
        r"[1-9]\d{4,19}@c\.us|\d{1,32}@lid|\d{1,32}(-\d{1,32})?@g\.us|\d{1,32}@newsletter|(status|\d{1,32})@broadcast"
    )
    assert once is None or re.fullmatch(dialect, once, re.ASCII)


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("628123456789", "628123456789@c.us"),
        ("+62 812-3456-789", "628123456789@c.us"),
        ("+62 (812) 3456.789", "628123456789@c.us"),
        ("628123456789@s.whatsapp.net", "628123456789@c.us"),
        ("628123456789:12@s.whatsapp.net", "628123456789@c.us"),
        ("123456789012345@lid", "123456789012345@lid"),
        ("120363012345678901@g.us", "120363012345678901@g.us"),
        ("628123456789-1600000000@g.us", "628123456789-1600000000@g.us"),
        ("120363012345678901@newsletter", "120363012345678901@newsletter"),
        ("status@broadcast", "status@broadcast"),
    ],
)
def test_each_kind_has_one_neutral_form(text: str, neutral: str) -> None:
    assert neutral == parse(text)


NO_ADDRESSES = [
    "", "@", "nobody", "0812345678", "1234", "1" * 21, "a@b@c.us", "６２８１２３４５６@c.us", "1@example.com",
    "status@c.us", "628123456789@", " 628123456789", "628123456789@c.us\n", "628123456789@C.US", "1:2:3@lid",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_refused_and_quoted_shortly(text: str) -> None:
    with pytest.raises(BadAddress, match="is not a WhatsApp address such as"):
        parse(text)


def test_an_endless_text_is_quoted_shortly() -> None:
    with pytest.raises(BadAddress) as told:
        parse("x" * 100_000)
    assert 200 > len(str(told.value))


def test_a_phone_is_the_digits_of_a_person() -> None:
    assert ("628123456789", None) == (phone(from_phone("+62 8123456789")), phone("1@lid"))


def test_a_group_is_told_by_its_server() -> None:
    assert (True, False) == (is_group("1@g.us"), is_group("628123456789@c.us"))

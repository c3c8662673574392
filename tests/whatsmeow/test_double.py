"""The double is sound in itself, and notices when a new engine no longer fits it."""

import contextlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.whatsmeow.kit import Line

# isort: split
from engines import base
from tests.whatsapp import shadow
from tests.whatsapp.curve import KeyPair, hkdf
from tests.whatsapp.nodes import Jid, Node, decode, encode
from tests.whatsapp.noise import Cipher
from tests.whatsapp.protobuf import pack, unpack
from tests.whatsapp.ratchet import Bundle, CannotDecrypt, Party
from tests.whatsapp.senderkey import SenderKeys
from tests.whatsapp.tokens import read_tokens


@pytest.fixture(scope="module")
def tokens():
    return read_tokens(shadow.library())


def test_the_root_key_occurs_exactly_once():
    """A new wheel that hides the key elsewhere must fail here, loudly, and not in a hundred handshakes."""
    assert shadow.library().read_bytes().count(shadow.ROOT_KEY) == 1


def test_a_library_without_the_key_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(shadow, "ROOT_KEY", os.urandom(32))
    with pytest.raises(ValueError, match="0 times"):
        shadow.build(tmp_path / "shadow", os.urandom(32))


def test_the_word_tables_are_where_they_were(tokens):
    assert (len(tokens.single), [len(table) for table in tokens.double]) == (236, [256] * 4)
    assert (tokens.single[1], tokens.double[0][0]) == ("xmlstreamstart", "read-self")


calm = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
words = st.sampled_from(["message", "to", "", "x" * 300, "3EB0C4", "1.5-2", "Grüße"]).filter(bool)
servers = st.sampled_from(["lid", "s.whatsapp.net"])
people = st.builds(Jid, st.sampled_from(["15551234567", "9000"]), servers, st.integers(0, 99))
attributes = st.dictionaries(words, words | people, max_size=3)
leaves = st.builds(Node, words, attributes, st.none() | st.binary(min_size=1, max_size=400))
trees = st.recursive(
    leaves, lambda inner: st.builds(Node, words, attributes, st.lists(inner, min_size=1, max_size=4)), max_leaves=8
)


@calm
@given(trees)
def test_a_stanza_is_read_as_it_was_written(tokens, node):
    assert decode(encode(node), tokens) == node


@calm
@given(st.binary(max_size=60))
def test_bytes_that_are_no_stanza_raise_a_known_error(tokens, data):
    with contextlib.suppress(ValueError, LookupError, TypeError):
        decode(b"\0" + data, tokens)


@calm
@given(st.dictionaries(st.integers(1, 1000), st.integers(0, 2**63) | st.binary(max_size=300)))
def test_fields_are_read_as_they_were_written(fields):
    assert unpack(pack(*fields.items())) == fields


def test_two_ciphers_of_one_key_understand_each_other():
    key = os.urandom(32)
    ours, theirs = Cipher(key), Cipher(key)
    assert [theirs.decrypt(ours.encrypt(word)) for word in (b"a", b"b")] == [b"a", b"b"]


def test_a_shared_secret_is_the_same_on_both_sides():
    left, right = KeyPair.new(), KeyPair.new()
    assert hkdf(left.exchange(right.public), 32) == hkdf(right.exchange(left.public), 32)


def introduced() -> tuple[Party, Party]:
    """Two devices, of which the first knows what the second published."""
    left, right = Party(KeyPair.new()), Party(KeyPair.new())
    number, one_time = right.one_time()
    left.begin(("right", 0), Bundle(right.identity.public, 1, right.signed.public, number, one_time))
    return left, right


def test_two_parties_talk_in_any_order():
    left, right = introduced()
    sealed = [left.encrypt(("right", 0), f"{number}".encode()) for number in range(5)]
    opened = [right.decrypt(("left", 0), *sealed[number]) for number in (0, 3, 1, 4, 2)]
    assert opened == [b"0", b"3", b"1", b"4", b"2"]
    kind, answer = right.encrypt(("left", 0), b"back")
    assert (kind, left.decrypt(("right", 0), kind, answer)) == ("msg", b"back")
    assert left.encrypt(("right", 0), b"on")[0] == "msg"


def test_a_message_that_was_tampered_with_is_not_opened():
    left, right = introduced()
    kind, sealed = left.encrypt(("right", 0), b"pay 10")
    right.decrypt(("left", 0), kind, sealed)
    kind, sealed = left.encrypt(("right", 0), b"pay 10")
    with pytest.raises(CannotDecrypt):
        right.decrypt(("left", 0), kind, sealed[:-9] + bytes([sealed[-9] ^ 1]) + sealed[-8:])


def test_a_group_message_needs_its_distribution():
    sender, member, stranger = SenderKeys(), SenderKeys(), SenderKeys()
    member.learn("group", ("sender", 0), sender.distribution("group"))
    sealed = [sender.encrypt("group", word) for word in (b"one", b"two")]
    assert [member.decrypt("group", ("sender", 0), each) for each in sealed] == [b"one", b"two"]
    with pytest.raises(CannotDecrypt):
        stranger.decrypt("group", ("sender", 0), sealed[0])


def test_nothing_but_whatsapps_hosts_is_asked_for(double, tmp_path):
    with Line(double, tmp_path / "session", "hosts") as line:
        line.link()
    assert {host.partition(":")[0].split(".", 1)[1] for host in double.server.proxy.hosts} <= {
        "whatsapp.com",
        "whatsapp.net",
    }


def test_a_phone_that_cannot_open_a_message_asks_for_it_again(shared, contact):
    shared.said(contact, base.Text("first"))
    contact.party.forget()
    assert shared.said(contact, base.Text("again")).text == "again"

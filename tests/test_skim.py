"""Media taken out of a JSON body on its way: what is left means what the whole body meant."""

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.skim import Skimmed, TooMuchText
from handlers.uploads import Upload
from storage.files import Files, TooLarge

MADE: list[Upload] = []
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ['"', "\\", '\\"base64":"', "base64"]
)
BYTES = st.binary(max_size=200).map(lambda data: {"base64": base64.b64encode(data).decode()})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS | BYTES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS.filter(lambda t: t != "base64"), inner, max_size=3)
    ),
    max_leaves=8,
)


class Dripping(io.BytesIO):
    """Gives so many bytes at a time, however many are asked for."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, _size: int | None = -1, /) -> bytes:
        return super().read(self._step)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("media"), 1000)


@pytest.fixture(autouse=True)
def _tidy() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().drop()


def upload(files: Files) -> Upload:
    MADE.append(Upload(files.draft))
    return MADE[-1]


def skimmed(files: Files, body: bytes, step: int = 65536, most: int = 100_000) -> Skimmed:
    return Skimmed(Dripping(body, step), lambda: upload(files), most)


def restored(files: Files, body: bytes, step: int = 65536) -> tuple[Any, list[str]]:
    """What a body says, media as base64 once more; what is wrong with it."""
    found, problems = skimmed(files, body, step), []
    value = found.restore(orjson.loads(found.text), "", problems)
    return json.loads(json.dumps(value, default=lambda upload: encoded(files, upload))), problems


def encoded(files: Files, upload: Upload) -> str:
    return base64.b64encode(files.path(upload.name).read_bytes()).decode()


@settings(max_examples=150, deadline=None)
@given(value=VALUES, step=st.integers(1, 50), ascii_only=st.booleans(), indent=st.sampled_from([None, 1]))
def test_a_body_means_the_same_however_it_is_written_and_cut(
    files: Files, value: Any, step: int, *, ascii_only: bool, indent: int | None
) -> None:
    body = json.dumps({"a": value}, ensure_ascii=ascii_only, indent=indent).replace("/", "\\/").encode()

    assert ({"a": value}, []) == restored(files, body, step)


@settings(max_examples=150, deadline=None)
@given(body=st.text(st.sampled_from(list('{}[]:,"\\ub06e4as1=A \n')), max_size=60), step=st.integers(1, 9))
def test_what_is_no_json_is_none_without_its_media_either(files: Files, body: str, step: int) -> None:
    whole = ("{" + body).encode()
    try:
        orjson.loads(whole)
    except orjson.JSONDecodeError:
        pass
    else:
        return
    found = skimmed(files, whole, step)
    if not found.uploads:
        assert found.text == whole


@pytest.mark.parametrize("escape", ["\\u0041", "\\u002B", "\\/"])
@pytest.mark.parametrize("step", range(1, 9))
def test_an_escape_may_be_cut_anywhere(files: Files, escape: str, step: int) -> None:
    value, problems = restored(files, f'{{"base64":"AAA{escape}"}}'.encode(), step)

    assert ({"base64": "AAA" + json.loads(f'"{escape}"')}, []) == (value, problems)


def test_a_name_written_with_an_escape_is_the_same_name(files: Files) -> None:
    assert ({"base64": "AAAA"}, []) == restored(files, b'{"b\\u0061se64": "AAAA"}')


def test_of_a_name_that_stands_twice_the_last_counts(files: Files) -> None:
    assert ({"base64": "BBBB"}, []) == restored(files, b'{"base64": "AAAA", "base64": "BBBB"}')


def test_problems_say_where_they_are(files: Files) -> None:
    body = {"messages": [{"image": {"base64": "AAAA"}}, {"image": {"base64": "?"}}]}

    assert ["messages.1.image.base64 must be base64"] == restored(files, json.dumps(body).encode())[1]


def test_what_is_left_may_not_be_large(files: Files) -> None:
    with pytest.raises(TooMuchText):
        skimmed(files, json.dumps({"text": "x" * 2000}).encode(), most=1000)


def test_media_may_not_be_larger_than_the_cap(files: Files) -> None:
    with pytest.raises(TooLarge):
        skimmed(files, json.dumps({"base64": "AAAA" * 4000}).encode())

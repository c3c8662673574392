"""Object storage that speaks S3: media by name, in one bucket that the operator has made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from gateway.config import BadConfig, Config
from storage import Unavailable

_FOLDER = "media/"
_PIECE = 1 << 18
_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class Bucket:
    """The bucket of a configuration. Raises BadConfig where it cannot be one, or its client is not installed."""

    def __init__(self, config: Config) -> None:
        try:
            from minio import Minio, S3Error  # noqa: PLC0415 - not installed for who keeps media on disk
        except ImportError:
            raise BadConfig("STORAGE_TYPE=s3 needs minio, not installed here: pip install '.[s3]'") from None
        place = urlsplit(config.s3_endpoint)
        if place.scheme not in ("http", "https") or not place.netloc or place.path.strip("/"):
            raise BadConfig("S3_ENDPOINT: must be http:// or https:// and a host, without a path")
        patience = urllib3.Retry(total=2, backoff_factor=0.2)
        try:
            self._client = Minio(
                place.netloc,
                access_key=config.s3_access_key,
                secret_key=config.s3_secret_key,
                region=config.s3_region,
                secure=place.scheme == "https",
                http_client=urllib3.PoolManager(timeout=_TIMEOUT, retries=patience, maxsize=16),
            )
        except ValueError as error:
            raise BadConfig(f"STORAGE_TYPE=s3: {error}") from None
        self._error: type[Exception] = S3Error
        self._bucket = config.s3_bucket

    def put(self, name: str, path: Path) -> None:
        """Keep a copy of the file. Raises FileNotFoundError, Unavailable."""
        with self._told():
            self._client.fput_object(self._bucket, _FOLDER + name, str(path))

    def read(self, name: str, start: int, length: int) -> Iterator[bytes]:
        """A part of the bytes. Raises FileNotFoundError, Unavailable."""
        with self._told():
            found = self._client.get_object(self._bucket, _FOLDER + name, offset=start, length=length)
        return _pieces(found)

    def remove(self, name: str) -> None:
        """Remove the object, if it is there. Raises Unavailable."""
        with self._told():
            self._client.remove_object(self._bucket, _FOLDER + name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.HTTPError:
            raise Unavailable("The media storage does not answer") from None
        except self._error as error:
            code = getattr(error, "code", "")
            if code == "NoSuchKey":
                raise FileNotFoundError from None
            raise Unavailable(f"The media storage refuses ({code})") from None


def _pieces(found: Any) -> Iterator[bytes]:
    try:
        yield from found.stream(_PIECE)
    finally:
        found.close()
        found.release_conn()

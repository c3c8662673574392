"""What a message says, before it has an author and an id."""

from dataclasses import dataclass, replace

from engines import base
from engines.simulator.blobs import Blobs, digest_of


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message says, before it has an author and an id. `blob` and `size` are of its media."""

    type: str
    body: str = ""
    mentions: tuple[str, ...] = ()
    quote: base.Quote | None = None
    media: base.IncomingMedia | None = None
    location: base.Location | None = None
    blob: str | None = None
    digest: str | None = None


def draft_of(outgoing: base.Outgoing, original: base.Message | None, blobs: Blobs, *, keep: bool) -> Draft:
    """What is to be sent; `original` is what a forward passes on, `keep` says whether media bytes are kept.

    Raises EngineError where the media file cannot be read.
    """
    quote = outgoing.quote
    match outgoing.content:
        case base.Text(body, mentions):
            return Draft("text", body, mentions, quote)
        case base.Media():
            return _media(outgoing.content, quote, blobs, keep=keep)
        case base.Location():
            return Draft("location", outgoing.content.description or "", quote=quote, location=outgoing.content)
        case base.ContactCard(name, number):
            return Draft("contact", vcard(name, number), quote=quote)
        case base.Poll(name, options):
            return Draft("poll", "\n".join((name, *options)), quote=quote)
        case base.Forward() if original is not None:
            media = original.media and replace(original.media, path=None)
            return Draft(original.type, original.body, media=media, location=original.location)
    raise base.NotSupported("The simulator does not know this kind of message")


def _media(content: base.Media, quote: base.Quote | None, blobs: Blobs, *, keep: bool) -> Draft:
    try:
        blob = blobs.keep(content.path) if keep else None
        digest, size = digest_of(content.path)
    except OSError as error:
        raise base.EngineError("The media file could not be read") from error
    body = content.caption or (content.filename if content.kind == "document" else None) or ""
    media = base.IncomingMedia(content.mimetype, size, content.filename)
    return Draft(content.kind, body, content.mentions, quote, media, blob=blob, digest=digest)


def vcard(name: str, number: str) -> str:
    """A contact card as WhatsApp sends it."""
    return f"BEGIN:VCARD\nVERSION:3.0\nFN:{name}\nTEL;type=CELL;waid={number}:+{number}\nEND:VCARD"

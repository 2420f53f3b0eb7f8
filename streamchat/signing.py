"""Whether a webhook is Stream's: HMAC-SHA256 over the raw, uncompressed body, and the key of our app."""

import hashlib
import hmac
import zlib

from django.conf import settings
from django.http import HttpRequest

from common.errors import BodyTooLarge
from streamchat.errors import SignatureInvalid

GZIP = b"\x1f\x8b"  # no JSON begins like this


def authentic_body(request: HttpRequest) -> bytes:
    """Return the uncompressed body of a webhook; raise SignatureInvalid, or BodyTooLarge for what inflates to more."""
    body = request.body
    if body.startswith(GZIP):
        body = inflated(body, settings.MAX_BODY_BYTES)
    signature = hmac.new(settings.STREAM_API_SECRET.encode(), body, hashlib.sha256).hexdigest()
    signed = _same(request.headers.get("X-Signature", ""), signature)
    if not (_same(request.headers.get("X-Api-Key", ""), settings.STREAM_API_KEY) & signed):
        raise SignatureInvalid()
    return body


def _same(given: str, expected: str) -> bool:
    """Compare in constant time; a header may hold any byte."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def inflated(body: bytes, limit: int) -> bytes:
    """Unpack one gzip member without keeping more than the limit."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        raw = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise SignatureInvalid("The body cannot be unpacked.") from error
    if len(raw) > limit:
        raise BodyTooLarge()
    if not inflater.eof or inflater.unused_data:
        raise SignatureInvalid("The body cannot be unpacked.")
    return raw

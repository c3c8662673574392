"""Which pages of other origins may call the API: what browsers are told. Everybody else never asks."""

_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
    "Access-Control-Allow-Headers": (
        "Content-Type, X-API-Key, Authorization, X-Request-ID, Idempotency-Key, Prefer, X-Preflight, Last-Event-ID, "
        "If-None-Match"
    ),
    "Access-Control-Max-Age": "86400",
}
_EXPOSED = "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, X-Request-ID, ETag"


def is_preflight(method: str, origin: str | None, wanted: str | None) -> bool:
    """Whether a browser asks on a page's behalf if it may; `wanted` is Access-Control-Request-Method."""
    return method == "OPTIONS" and origin is not None and wanted is not None


def headers_for(origin: str | None, allowed: tuple[str, ...], *, preflight: bool) -> dict[str, str]:
    """What to tell a page of that origin; nothing for an origin that is not allowed, or for no page at all.

    `*` allows every origin without credentials, a list those in it with credentials.
    """
    if origin is None:
        return {}
    if "*" in allowed:
        told = {"Access-Control-Allow-Origin": "*"}
    elif origin in allowed:
        told = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
    else:
        return {"Vary": "Origin"}
    return told | (_PREFLIGHT if preflight else {"Access-Control-Expose-Headers": _EXPOSED})

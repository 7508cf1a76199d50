"""The headers of every answer, whoever makes it: they keep our pages to our own host, and data to the caller."""

HTTPS_ONLY_S = 31_536_000
"""Once met over https, a browser asks in no other way for a year."""


def security_headers(nonce: str, *, is_https: bool) -> dict[str, str]:
    """The headers of every answer that says nothing else: it is for the caller alone, and loads from here alone."""
    headers = {
        "Content-Security-Policy": content_security_policy(nonce),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",  # what was not made to be kept is for the caller alone
    }
    if is_https:
        headers["Strict-Transport-Security"] = f"max-age={HTTPS_ONLY_S}"
    return headers


def content_security_policy(nonce: str) -> str:
    """Everything from our own host; only attributes may style, which Folium and Swagger UI write into their markup."""
    return (
        "default-src 'self'; "
        f"script-src 'self' 'nonce-{nonce}'; "
        f"style-src 'self' 'nonce-{nonce}'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; "
        "font-src 'self' data:; "
        "worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    )

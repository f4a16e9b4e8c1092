"""The page of the console: its HTML with a nonce of its own, and the policy that it lives under.

Scripts come from our files alone. Styles may stand in the page where they carry the nonce, which
the page finds in its `<meta property="csp-nonce">`.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers

__all__ = ["accepts_page", "content_security_policy", "is_page", "new_nonce", "written_page"]

_PLACE = b"__CSP_NONCE__"
_PREFIXES = ("/api/", "/v1/", "/assets/")
_OTHERS = frozenset(
    {"/api", "/v1", "/assets", "/healthz", "/readyz", "/metrics", "/openapi.json", "/favicon.svg"}
)


def new_nonce() -> str:
    """Return a nonce: 128 random bits."""
    return secrets.token_urlsafe(16)


def content_security_policy(nonce: str) -> str:
    """Return the policy of a page that carries a nonce."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def written_page(html: bytes, nonce: str) -> bytes:
    """Return the page with a nonce in each place that waits for one."""
    return html.replace(_PLACE, nonce.encode())


def is_page(path: str) -> bool:
    """Tell whether a path is one of the console's, which its own router knows."""
    return path not in _OTHERS and not path.startswith(_PREFIXES)


def accepts_page(path: str, headers: Headers) -> bool:
    """Tell whether whoever asks for a path wants a page.

    Browsers name `text/html`; programs that take anything get it at `/` alone, and elsewhere learn
    that there is no such route.
    """
    accept = headers.get("accept", "*/*")
    return "text/html" in accept or (path == "/" and "*/*" in accept)

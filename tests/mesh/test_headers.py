"""Headers are read as nats-py reads them, only faster."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client

from hubbub.mesh.transport.client import SecureClient

LINES = st.lists(st.binary(max_size=30) | st.from_regex(rb"[A-Za-z -]{0,9}:[ -~]{0,9}"), max_size=9)


@given(LINES)
@example([b"Name: value", b"Name:\tother", b": nameless", b"no colon", b"", b"a b: c"])
@example([b"N\xc3\xa4me: x", b"Name: \xff\xc3\xa4", b" Name : x:y "])
def test_headers_are_read_as_the_client_reads_them(lines: list[bytes]) -> None:
    raw = b"\r\n".join(lines)
    read, expected = (
        kind._parse_header_lines(raw)  # pyright: ignore[reportPrivateUsage]
        for kind in (SecureClient, Client)
    )
    assert read == expected

"""Who is signed in by a page: sessions kept in a bucket, so that any gateway knows them.

A page holds a random cookie, the bucket its hash: whoever reads the bucket cannot sign in with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections import OrderedDict

import msgspec
from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost, HubbubError
from hubbub.gateway.identity.access import Authenticator, Grant
from hubbub.gateway.identity.principals import Principal, Role
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.answers import StreamMissing
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import TTL
from hubbub.mesh.transport.streams import SESSIONS_BUCKET, ensure_streams

__all__ = ["Session", "Sessions", "session_mark"]

_MOST_KNOWN = 10_000
_LOOK_SECONDS = 2.0
_LONG_LOOK_SECONDS = 30.0
_GONE_SECONDS = 60
_STREAM = f"KV_{SESSIONS_BUCKET}"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a session.

    Attributes:
        user: whose it is.
        role: what they may do; of an API key, what its file says counts.
        key_id: the API key that it was begun with; empty if it was a token.
        key_sha256: hash of that key, so that another one of the same id does not count.
        expires_at: until when it lasts, in seconds since 1970.
    """

    user: str
    role: int
    key_id: str = ""
    key_sha256: str = ""
    expires_at: float


_decoder = msgspec.json.Decoder(Session)


def session_mark(cookie: str) -> str:
    """Return the name of a session: the hash of its cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


class Sessions:
    """The sessions of a mesh's gateways.

    Args:
        mesh: where they are kept.
        authenticator: whether what they were begun with still counts.
        seconds: how long one lasts.
    """

    def __init__(self, mesh: Mesh, authenticator: Authenticator, *, seconds: float) -> None:
        self._mesh = mesh
        self._authenticator = authenticator
        self._seconds = seconds
        self._known: OrderedDict[str, Session] = OrderedDict()

    async def begin(self, grant: Grant) -> str:
        """Begin a session, and return its cookie.

        Raises:
            ConnectionLost: the server does not confirm it.
        """
        expires_at = min(time.time() + self._seconds, grant.expires_at)
        session = Session(
            user=grant.who.user,
            role=int(grant.who.role),
            key_id=grant.key_id,
            key_sha256=grant.key_sha256,
            expires_at=expires_at,
        )
        cookie = secrets.token_urlsafe(32)
        await self._write(
            session_mark(cookie), msgspec.json.encode(session), expires_at - time.time()
        )
        return cookie

    async def principal(self, cookie: str) -> Principal | None:
        """Return whose session a cookie is; None if it is none, or has ended.

        While the server is away, a session that has been seen here lately counts on: nothing can be
        done with it but look at what the page has.

        Raises:
            ConnectionLost: that cannot be told just now.
        """
        mark = session_mark(cookie)
        session = await self._find(mark)
        return None if session is None else self._holder(mark, session)

    async def end(self, cookie: str) -> None:
        """End a session, if there is one; its sockets hear of it on every gateway.

        Raises:
            ConnectionLost: the server does not confirm it.
        """
        mark = session_mark(cookie)
        if await self._find(mark) is not None:
            # A value that says so, and then is forgotten: whoever listens hears it.
            await self._write(mark, b"", _GONE_SECONDS)
        self._known.pop(mark, None)

    async def ended(self, mark: str) -> None:
        """Wait for the end of a session: it was ended, ran out, or its API key is gone.

        Raises:
            ConnectionLost: the connection is closed.
        """
        changed = asyncio.Event()

        async def on_change(message: Msg) -> None:
            if not message.data:
                self._known.pop(mark, None)
            changed.set()

        async with self._connection.subscription(_subject(mark), on_change):
            looked_at = 0.0
            while True:
                if changed.is_set() or time.monotonic() - looked_at > _LONG_LOOK_SECONDS:
                    changed.clear()
                    # What was told while the connection was lost was not heard.
                    with contextlib.suppress(HubbubError):
                        await self._find(mark)
                        looked_at = time.monotonic()
                session = self._known.get(mark)
                if session is None or self._holder(mark, session) is None:
                    return
                wait = min(_LOOK_SECONDS, max(0.0, session.expires_at - time.time()))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await changed.wait()

    @property
    def _connection(self) -> Connection:
        return self._mesh.connection

    def _holder(self, mark: str, session: Session) -> Principal | None:
        if session.expires_at <= time.time():
            return None
        who: Principal | None
        if session.key_id:
            who = self._authenticator.holder(session.key_id, session.key_sha256)
        else:
            who = Principal(session.user, Role(session.role))
        return None if who is None else Principal(who.user, who.role, session=mark)

    async def _find(self, mark: str) -> Session | None:
        if not self._connection.client.is_connected:
            known = self._known.get(mark)
            if known is None:
                raise _away()
            return known
        stored = await self._connection.last_of(_STREAM, _subject(mark))
        session: Session | None = None
        if stored is not None and stored.data:
            with contextlib.suppress(msgspec.MsgspecError):
                session = _decoder.decode(stored.data)
        self._known.pop(mark, None)
        if session is not None:
            self._known[mark] = session
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return session

    async def _write(self, mark: str, data: bytes, seconds: float) -> None:
        if not self._connection.client.is_connected:
            raise _away()  # nobody is kept waiting for it
        headers = {TTL: f"{max(1, round(seconds))}s"}
        try:
            await self._connection.store(_subject(mark), data, headers=headers)
        except StreamMissing:
            # Nobody has served here yet, or only programs that know of no sessions.
            await ensure_streams(self._connection)
            await self._connection.store(_subject(mark), data, headers=headers)


def _away() -> ConnectionLost:
    return ConnectionLost(
        "The gateway has no connection to the NATS server, which keeps the sessions: "
        "try again in some seconds; `hubbub doctor` tells what is wrong"
    )


def _subject(mark: str) -> str:
    return f"$KV.{SESSIONS_BUCKET}.{mark}"

"""A mail server that delivers nothing: what it is sent becomes a file in the folder `mails`.

`python sink.py [PORT]`, by default 2525; 0 takes a free one. A mail with an id that is there
already is accepted and not kept again.
"""

import asyncio
import email
import hashlib
import sys
from pathlib import Path

FOLDER = Path("mails")


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take mails from one client, as far as SMTP (RFC 5321) must be spoken for that."""

    async def say(line: str) -> None:
        writer.write(line.encode() + b"\r\n")
        await writer.drain()

    await say("220 sink")
    while line := await reader.readline():
        match line.split()[0].upper() if line.strip() else b"":
            case b"DATA":
                await say("354 go on")
                keep(await mail(reader))
                await say("250 kept")
            case b"QUIT":
                await say("221 bye")
                break
            case b"HELO" | b"EHLO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                await say("250 ok")
            case _:
                await say("500 I know no such command")
    writer.close()


async def mail(reader: asyncio.StreamReader) -> bytes:
    """Read a mail, to the dot on a line of its own."""
    lines: list[bytes] = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line.removeprefix(b"."))
    return b"".join(lines)


def keep(data: bytes) -> None:
    """Write a mail into the folder, under a name made of its id."""
    message_id = str(email.message_from_bytes(data)["Message-ID"])
    file = FOLDER / f"{hashlib.sha256(message_id.encode()).hexdigest()[:16]}.eml"
    if file.exists():
        print("Came again:", message_id, flush=True)
        return
    FOLDER.mkdir(exist_ok=True)
    file.write_bytes(data)
    print("Kept:", message_id, flush=True)


async def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 2525
    server = await asyncio.start_server(talk, "127.0.0.1", port)
    print(f"Mails go to port {server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

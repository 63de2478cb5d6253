from __future__ import annotations

import asyncio


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


async def operation() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    while True:
        writer.write(b"game\n")
        await reader.readline()
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    from stage import play

    play(operation)

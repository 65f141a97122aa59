"""An ndt7 server after the specification, by Python's `websockets`, to hold the agent's client against something that
shares no line with it.

    ndt7_server.py CERTIFICATE KEY ADDRESS PORT

Sends for ten seconds, counts for twelve at most, and tells what it counted four times a second, by its kernel as by its
program. With `?silent` after a path it begins a test and then does nothing; with `?abrupt` it breaks off after a second;
with `?endless` it never stops sending.
"""

import asyncio
import json
import socket
import ssl
import struct
import sys
import time

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

SUBPROTOCOL = "net.measurementlab.ndt.v7"
PATHS = ("/ndt/v7/download", "/ndt/v7/upload")
SEND_S = 10
RECEIVE_S = 12
TELL_S = 0.25
# Where `struct tcp_info` has the bytes received.
BYTES_RECEIVED_AT = 128


def kernel_bytes(connection):
    of_kernel = connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    return struct.unpack_from("=Q", of_kernel, BYTES_RECEIVED_AT)[0]


async def download(connection, seconds):
    began, told, sent, length = time.monotonic(), 0.0, 0, 1 << 13
    while (elapsed := time.monotonic() - began) < seconds:
        if elapsed - told >= TELL_S:
            told = elapsed
            counted = {"ElapsedTime": int(elapsed * 1e6), "NumBytes": sent}
            await connection.send(json.dumps({"AppInfo": counted, "Origin": "server", "Test": "download"}))
        if length < min(1 << 20, sent // 16):
            length *= 2
        await connection.send(bytes(length))
        sent += length


async def upload(connection, seconds):
    began, received = time.monotonic(), 0

    async def tell():
        while True:
            await asyncio.sleep(TELL_S)
            elapsed = int((time.monotonic() - began) * 1e6)
            by_program = {"ElapsedTime": elapsed, "NumBytes": received}
            by_kernel = {"ElapsedTime": elapsed, "BytesReceived": kernel_bytes(connection)}
            counted = {"AppInfo": by_program, "TCPInfo": by_kernel, "Origin": "server", "Test": "upload"}
            await connection.send(json.dumps(counted))

    telling = asyncio.create_task(tell())
    try:
        async with asyncio.timeout(seconds):
            async for message in connection:
                received += len(message)
    except TimeoutError:
        pass
    finally:
        telling.cancel()


async def test(connection):
    path, _, fault = connection.request.path.partition("?")
    seconds = {"abrupt": 1, "endless": 600}.get(fault, SEND_S if path == PATHS[0] else RECEIVE_S)
    try:
        if fault == "silent":
            await asyncio.sleep(600)
        await (download if path == PATHS[0] else upload)(connection, seconds)
    except ConnectionClosed:
        pass
    if fault == "abrupt":
        connection.transport.abort()


def refuse(connection, request):
    if request.path.partition("?")[0] not in PATHS:
        return connection.respond(404, "no such test\n")


async def main(certificate, key, address, port):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    # What is sent is counted when it leaves, not when it is put into a buffer.
    options = {"compression": None, "max_size": 1 << 24, "write_limit": 1 << 14, "ping_interval": None}
    async with serve(
        test, address, int(port), ssl=tls, subprotocols=[SUBPROTOCOL], process_request=refuse, **options
    ) as server:
        print("serving", flush=True)
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))

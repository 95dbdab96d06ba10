"""An independent HTTP/3 peer for tests, on aioquic.

    aioquic_peer.py server --port N --cert FILE --key FILE [--retry] [--version-2-only]
        answers GET /N with N random bytes; every body's SHA-256 is said
    aioquic_peer.py client --port N --ca FILE --name HOST --get /N [--key-update] [--ticket FILE] [--cipher NAME]
        [--change-id] [--version-2-first]
        downloads

What happens is said as JSON lines on standard output. Exit code 0: as it should be; 1: not.
"""

import argparse
import asyncio
import hashlib
import json
import os
import pickle
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted
from aioquic.quic.packet import QuicProtocolVersion
from aioquic.tls import CipherSuite


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Http3(QuicConnectionProtocol):
    """What both roles share: events of QUIC become events of HTTP/3."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        if isinstance(event, HandshakeCompleted):
            say(
                "handshake",
                resumed=event.session_resumed,
                earlyDataAccepted=event.early_data_accepted,
                cipher=self._quic.tls.key_schedule.cipher_suite.name,
            )
        elif isinstance(event, ConnectionTerminated):
            say("closed", code=event.error_code, reason=event.reason_phrase)
        for one in self.http.handle_event(event):
            self.http_event_received(one)


class Server(Http3):
    def http_event_received(self, event):
        if not isinstance(event, HeadersReceived):
            return
        path = dict(event.headers)[b":path"].decode()
        body = os.urandom(int(path[1:]))
        say("request", path=path, sha256=hashlib.sha256(body).hexdigest())
        headers = [(b":status", b"200"), (b"content-length", str(len(body)).encode())]
        self.http.send_headers(event.stream_id, headers)
        self.http.send_data(event.stream_id, body, end_stream=True)
        self.transmit()


class Client(Http3):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.finished = asyncio.get_event_loop().create_future()
        self.hash = hashlib.sha256()
        self.bytes = 0
        self.status = None
        self.halfway = None

    def get(self, name, path):
        stream = self._quic.get_next_available_stream_id()
        names = {":method": "GET", ":scheme": "https", ":authority": name, ":path": path}
        headers = [(key.encode(), value.encode()) for key, value in names.items()]
        self.http.send_headers(stream, headers, end_stream=True)
        self.transmit()

    def http_event_received(self, event):
        if isinstance(event, HeadersReceived):
            self.status = int(dict(event.headers)[b":status"])
        if isinstance(event, DataReceived):
            self.hash.update(event.data)
            self.bytes += len(event.data)
            if self.halfway and self.bytes > 100_000:
                self.halfway()
                self.halfway = None
        if event.stream_ended and not self.finished.done():
            self.finished.set_result(None)


async def run_server(options):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.load_cert_chain(options.cert, options.key)
    if options.version_2_only:
        configuration.supported_versions = [QuicProtocolVersion.VERSION_2]
    tickets = {}
    await serve(
        "127.0.0.1",
        options.port,
        configuration=configuration,
        create_protocol=Server,
        retry=options.retry,
        session_ticket_fetcher=lambda label: tickets.pop(label, None),
        session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket),
    )
    say("listening", port=options.port)
    await asyncio.Future()


async def run_client(options):
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=options.name)
    configuration.load_verify_locations(options.ca)
    if options.version_2_first:
        configuration.original_version = QuicProtocolVersion.VERSION_2
    if options.cipher:
        configuration.cipher_suites = [CipherSuite[options.cipher]]
    if options.ticket and os.path.exists(options.ticket):
        with open(options.ticket, "rb") as file:
            # The test's own file.
            configuration.session_ticket = pickle.load(file)
    given = asyncio.get_event_loop().create_future()

    def keep(ticket):
        if options.ticket:
            with open(options.ticket, "wb") as file:
                pickle.dump(ticket, file)
        if not given.done():
            given.set_result(None)

    async with connect(
        "127.0.0.1",
        options.port,
        configuration=configuration,
        create_protocol=Client,
        session_ticket_handler=keep,
        wait_connected=options.ticket is None,
    ) as client:
        if options.key_update:
            client.halfway = client.request_key_update
        if options.change_id:
            client.halfway = client.change_connection_id
        client.get(options.name, options.get)
        await asyncio.wait_for(client.finished, 30)
        if options.ticket:
            await asyncio.wait_for(given, 5)
        say("done", status=client.status, bytes=client.bytes, sha256=client.hash.hexdigest())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--retry", action="store_true")
    parser.add_argument("--version-2-only", action="store_true")
    parser.add_argument("--ca")
    parser.add_argument("--name")
    parser.add_argument("--get")
    parser.add_argument("--key-update", action="store_true")
    parser.add_argument("--change-id", action="store_true", help="retire the connection ID in use, use the next one")
    parser.add_argument("--cipher")
    parser.add_argument("--version-2-first", action="store_true")
    parser.add_argument("--ticket")
    options = parser.parse_args()
    try:
        asyncio.run(run_server(options) if options.role == "server" else run_client(options))
    except (Exception, KeyboardInterrupt) as error:
        say("error", error=repr(error))
        sys.exit(1)


main()

# SPDX-License-Identifier: Apache-2.0
"""The load of mixed_load.py for a proxy whose process is replaced."""
import socket
import ssl
import time

from any_client import Http2
from lasting_exchanges import Http2Stream, Http2Tunnel, Tunnel
from mixed_load import PIECE, Load
from raw_client import Client
from wire import PATIENCE, Truncated, get

LASTING = {"stream_http2", "websocket", "http2_websocket"}
ECHOES_IN_A_DRAIN = 20
SLOW_PIECES, SLOW_RATE = 256, 10 << 20  # of a download: 16 MiB, and bytes for a second


class PersistentLoad(Load):
    """Connections end while they are idle, as at the end of a process, and clients then connect again. A request is sent
    again only if the connection has said that it was not processed. Tunnels and streams go on in a process that drains,
    until their client ends them a little later; only in cut_what_lasts() are they cut."""

    def __init__(self, *places):
        self.upgrades = 0
        self.outlived = 0  # downloads that saw an upgrade
        self.is_cutting = False
        self.cuts = {}  # when each kind that lasts was cut
        super().__init__(*places)

    def kinds_of_clients(self):
        return (self.keep_alive, self.new_connections, self.http2, self.new_tls, self.resumed_tls, self.http2_tls,
                self.stream_http2, self.websocket, self.http2_websocket, self.upload, self.download, self.slow_download)

    def requests_served(self):
        """A lower bound of the requests served. Streams and tunnels, which serve many exchanges, are left out."""
        with self.lock:
            return sum(count for kind, count in self.served.items() if kind not in (*LASTING, "slow_download"))

    def upgrade(self, proxy):
        proxy.upgrade()
        self.upgrades += 1

    def cut_what_lasts(self, proxy, seconds):
        """An upgrade of the only process. Its drain-timeout is `seconds`: so long, and no longer, do tunnels and streams
        live."""
        self.is_cutting = True
        self.wait_for_more(2)  # after the first, an exchange may still end
        first, began = proxy.pid, time.monotonic()
        self.upgrade(proxy)
        proxy.wait_for_end(first, seconds + 2 * PATIENCE)
        self.wait_for_more(2)
        with self.lock:
            assert set(self.cuts) == LASTING, self.cuts
            lived = [when - began for when in self.cuts.values()]
        assert min(lived) >= seconds and max(lived) < seconds + PATIENCE, lived

    def last(self, kind, make):
        while not self.over.is_set():
            upgrades, left = self.upgrades, ECHOES_IN_A_DRAIN
            exchange = make()
            try:
                for number in self.numbers():
                    exchange.echo(number)
                    self.note(kind)
                    left -= self.upgrades > upgrades
                    if left == 0 and not self.is_cutting:
                        break
                exchange.end()
            except (OSError, Truncated):
                assert self.is_cutting
                with self.lock:
                    assert kind.__name__ not in self.cuts
                    self.cuts[kind.__name__] = time.monotonic()
            exchange.close()

    def stream_http2(self):
        self.last(self.stream_http2, lambda: Http2Stream(self.plain))

    def websocket(self):
        self.last(self.websocket, lambda: Tunnel(self.plain))

    def http2_websocket(self):
        self.last(self.http2_websocket, lambda: Http2Tunnel(self.plain))

    def slow_download(self):
        """Downloads for longer than an upgrade takes."""
        for _ in self.numbers():
            upgrades, began = self.upgrades, time.monotonic()
            received = noted = 0
            with Client(self.plain) as client:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
                client.send(get(f"/download?{SLOW_PIECES}"))
                assert client.read_response_head().status == 200
                while data := client.read_chunk():
                    assert data.count(b"d") == len(data)
                    received += len(data)
                    if received >= noted + (1 << 20):
                        noted = received
                        self.note(self.slow_download)
                    time.sleep(max(0.0, began + received / SLOW_RATE - time.monotonic()))
                assert client.read_trailers() == [] and received == SLOW_PIECES * PIECE
            self.outlived += self.upgrades > upgrades

    def keep_alive(self):
        client = None
        for number in self.numbers():
            is_used = client is not None
            client = client or Client(self.plain)
            try:
                response = self.ask(client, number)
            except (Truncated, OSError):
                # RFC 9112, 9.3.1: closed before a byte of the response, on a connection that had been idle.
                assert is_used and not client.buffer
                client.close()
                client = Client(self.plain)
                response = self.ask(client, number)
            if response.fields.get("Connection") == "close":
                client.close()
                client = None
            self.note(self.keep_alive)

    def ask_with_goaway(self, connect, kind):
        client = None
        for number in self.numbers():
            client = client or connect()
            try:
                self.ask_http2(client, number)
            except (Truncated, OSError):
                # RFC 9113, 6.8: streams above the last one were not processed.
                goaway = client.client.goaway
                assert goaway and goaway[1] == 0 and client.stream > goaway[0], (client.stream, goaway)
                client.close()
                client = connect()
                self.ask_http2(client, number)
            client.taken = 0
            if client.client.goaway:
                client.close()
                client = None
            self.note(kind)

    def http2(self):
        self.ask_with_goaway(lambda: Http2(self.plain), self.http2)

    def http2_tls(self):
        context = ssl.create_default_context(cafile=self.context.ca)
        context.set_alpn_protocols(["h2"])
        self.ask_with_goaway(lambda: Http2(self.tls, context), self.http2_tls)

# SPDX-License-Identifier: Apache-2.0
"""Clients of every kind at a proxy in front of reload_backend.js, each of which checks every response."""
import ssl
import threading
import time

from any_client import Http2
from lasting_exchanges import Http2Stream, Http2Tunnel, Tunnel
from raw_client import Client, connect
from tls_peers import TlsClient, TlsReader
from wire import PATIENCE, Reset, chunk, get, message

PIECE = 64 * 1024


class Load:
    """Clients of every kind, each of which sends requests until the end and checks every response. `passing` is a
    listener that comes and goes, and `unix` is the path of a socket."""

    def __init__(self, plain, tls, context, passing=None, unix=None):
        self.plain, self.tls, self.context, self.passing, self.unix = plain, tls, context, passing, unix
        self.over = threading.Event()
        self.lock = threading.Lock()
        # Guarded by lock.
        self.served, self.problems = {}, []
        self.cut = 0  # connections to `passing` that were reset before their response
        kinds = self.kinds_of_clients()
        self.kinds = {kind.__name__ for kind in kinds}
        self.threads = [threading.Thread(target=self.run, args=(kind,), daemon=True) for kind in kinds]
        for thread in self.threads:
            thread.start()

    def kinds_of_clients(self):
        return (self.keep_alive, self.new_connections, self.http2, self.new_tls, self.resumed_tls, self.http2_tls,
                self.stream_http2, self.websocket, self.http2_websocket, self.upload, self.download,
                *([self.unix_socket] if self.unix else []), *([self.passing_listener] if self.passing else []))

    def run(self, kind):
        try:
            kind()
        except Exception as problem:  # pylint: disable=broad-except
            with self.lock:
                self.problems.append(f"{kind.__name__}: {problem!r}")

    def note(self, kind):
        with self.lock:
            self.served[kind.__name__] = self.served.get(kind.__name__, 0) + 1
        time.sleep(0.005)

    def wait_for_more(self, count):
        """Waits until each kind was served so often from now on."""
        with self.lock:
            wanted = {kind: self.served.get(kind, 0) + count for kind in self.kinds}
        deadline = time.monotonic() + 6 * PATIENCE
        while True:
            with self.lock:
                assert not self.problems, self.problems
                waiting = [kind for kind in self.kinds if self.served.get(kind, 0) < wanted[kind]]
            if not waiting:
                return
            assert time.monotonic() < deadline, f"not served: {waiting}"
            time.sleep(0.01)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(3 * PATIENCE)
        assert not self.problems, self.problems
        assert not any(thread.is_alive() for thread in self.threads)

    def ask(self, client, number):
        response = client.get(f"/{number}")
        assert response.status == 200 and response.body == b"got /%d" % number, response
        return response

    def keep_alive(self):
        with Client(self.plain) as client:
            for number in self.numbers():
                self.ask(client, number)
                self.note(self.keep_alive)

    def new_connections(self):
        for number in self.numbers():
            with Client(self.plain) as client:
                self.ask(client, number)
            self.note(self.new_connections)

    def new_tls(self):
        for number in self.numbers():
            with TlsClient(self.tls, self.context) as client:
                self.ask(client, number)
            self.note(self.new_tls)

    def resumed_tls(self):
        session, resumed = None, 0
        for number in self.numbers():
            sock = self.context.wrap_socket(connect(self.tls), server_hostname="localhost", session=session,
                                            suppress_ragged_eofs=False)
            client = TlsClient.__new__(TlsClient)
            TlsReader.__init__(client, sock)
            with client:
                self.ask(client, number)
                session, resumed = sock.session, resumed + sock.session_reused
            self.note(self.resumed_tls)
        assert resumed > 10, "sessions are resumed, over reloads too"

    def ask_http2(self, client, number):
        client.begin(f"/{number}")
        assert client.read_head() == [200] and client.read_rest() == b"got /%d" % number

    def http2(self):
        client = Http2(self.plain)
        for number in self.numbers():
            self.ask_http2(client, number)
            client.taken = 0
            self.note(self.http2)
        client.close()

    def http2_tls(self):
        context = ssl.create_default_context(cafile=self.context.ca)
        context.set_alpn_protocols(["h2"])
        client = Http2(self.tls, context)
        for number in self.numbers():
            self.ask_http2(client, number)
            client.taken = 0
            self.note(self.http2_tls)
        client.close()

    def last(self, kind, exchange):
        """One exchange for the whole time."""
        for number in self.numbers():
            exchange.echo(number)
            self.note(kind)
        exchange.end()
        exchange.close()

    def stream_http2(self):
        self.last(self.stream_http2, Http2Stream(self.plain))

    def websocket(self):
        self.last(self.websocket, Tunnel(self.plain))

    def http2_websocket(self):
        self.last(self.http2_websocket, Http2Tunnel(self.plain))

    def unix_socket(self):
        for number in self.numbers():
            with Client(self.unix) as client:
                self.ask(client, number)
            self.note(self.unix_socket)

    def passing_listener(self):
        """A connection is refused, or served to its end though the listener may be gone by then. The kernel also refuses
        those that it has not handed over when the listener closes, by a reset."""
        for number in self.numbers():
            try:
                with Client(self.passing) as client:
                    self.ask(client, number)
            except ConnectionRefusedError:
                time.sleep(0.001)
            except (Reset, ConnectionResetError, BrokenPipeError):
                assert client.buffer == b"", "it was served"
                self.cut += 1
            else:
                self.note(self.passing_listener)

    def upload(self):
        """Each of them takes as long as a few reloads."""
        for _ in self.numbers():
            with Client(self.plain) as client:
                client.send(message("POST /echo HTTP/1.1", "Host: h", "Transfer-Encoding: chunked"))
                for _ in range(10):
                    client.send(chunk(PIECE // 8 * b"u"))
                    time.sleep(0.02)
                client.send(b"0\r\n\r\n")
                assert client.read_final("POST").body == 10 * (PIECE // 8) * b"u"
            self.note(self.upload)

    def download(self):
        for _ in self.numbers():
            with Client(self.plain) as client:
                response = client.ask(get("/download?16"))
                assert response.status == 200 and response.body == 16 * PIECE * b"d"
            self.note(self.download)

    def numbers(self):
        number = 0
        while not self.over.is_set():
            number += 1
            yield number


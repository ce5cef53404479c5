# SPDX-License-Identifier: Apache-2.0
"""An interface to clients of HTTP/1.1 and HTTP/2, with and without TLS: a request is sent piece by piece, and its
response is read meanwhile."""
import ssl

from h2_client import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, H2Client,
                       block, frame, request_fields)
from raw_client import Client, connect
from tls_peers import TlsClient
from wire import Truncated, chunk, message

FRAME = 16384


class Http1:
    version = "1.1"

    def __init__(self, address, context=None):
        self.client = TlsClient(address, context) if context else Client(address)
        self.heads = []
        self.fields = {}
        self.trailers = {}

    def begin(self, path, *fields, method="GET", end=True):
        lines = [f"{name}: {value}" for name, value in fields]
        if not end:
            lines.append("Transfer-Encoding: chunked")
        lines += ["TE: trailers", "Connection: TE"]
        self.client.send(message(f"{method} {path} HTTP/1.1", "Host: localhost", *lines))

    def send(self, data):
        self.client.send(chunk(data))

    def finish(self, *trailers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
        self.client.send(f"0\r\n{lines}\r\n".encode("ascii"))

    def read_head(self):
        """Returns the statuses up to the final one."""
        while not self.heads or self.heads[-1].interim:
            self.heads.append(self.client.read_response_head())
        self.fields = {name.lower(): value for name, value in self.heads[-1].fields}
        return [head.status for head in self.heads]

    def read_piece(self):
        """Returns the next piece of content."""
        return self.client.read_chunk()

    def read_rest(self):
        """Returns the content up to its end; raises Truncated if it ends early."""
        response = self.client.read_body(self.heads[-1], ends_with_connection=True)
        self.trailers = {name.lower(): value for name, value in response.trailers}
        return response.body

    def leave(self):
        self.client.reset()

    def close(self):
        self.client.close()


class Http2:
    version = "2"

    def __init__(self, address, context=None):
        sock = None
        if context:
            sock = context.wrap_socket(connect(address), server_hostname="localhost")
            assert sock.selected_alpn_protocol() == "h2"
        self.scheme = "https" if context else "http"
        self.client = H2Client(address, sock=sock)
        self.stream = None
        self.taken = 0

    def begin(self, path, *fields, method="GET", end=True):
        pseudo = request_fields(("te", "trailers"), *fields, method=method, path=path, authority="localhost",
                                scheme=self.scheme)
        bytes = block(*pseudo)
        parts = [bytes[at:at + FRAME] for at in range(0, len(bytes), FRAME)]
        self.stream = self.client.new_stream()
        for number, part in enumerate(parts):
            flags = END_HEADERS if number == len(parts) - 1 else 0
            if number == 0:
                self.client.send(frame(HEADERS, flags | (END_STREAM if end else 0), self.stream, part))
            else:
                self.client.send(frame(CONTINUATION, flags, self.stream, part))

    def send(self, data):
        self.client.send(frame(DATA, 0, self.stream, data))

    def finish(self, *trailers):
        if trailers:
            self.client.send(frame(HEADERS, END_HEADERS | END_STREAM, self.stream, block(*trailers)))
        else:
            self.client.send(frame(DATA, END_STREAM, self.stream))

    def answer(self):
        answer = self.client.answers.get(self.stream)
        if answer and answer.reset is not None:
            raise Truncated(f"reset with {answer.reset}")
        return answer

    def read_head(self):
        while not (self.answer() and self.answer().heads and self.answer().status >= 200):
            self.client.read_frame()
        return [int(dict(head)[":status"]) for head in self.answer().heads]

    @property
    def fields(self):
        return self.answer().fields

    @property
    def trailers(self):
        return self.answer().trailers

    def read_piece(self):
        while len(self.answer().body) == self.taken:
            self.client.read_frame()
        piece = self.answer().body[self.taken:]
        self.taken += len(piece)
        return piece

    def read_rest(self):
        answer = self.client.read_answer(self.stream)
        if answer.reset:
            raise Truncated(f"reset with {answer.reset}")
        return answer.body[self.taken:]

    def leave(self):
        self.client.send(frame(RST_STREAM, 0, self.stream, CANCEL.to_bytes(4, "big")))

    def close(self):
        self.client.close()


def context_for(client, certificates):
    context = ssl.create_default_context(cafile=certificates.ca)
    context.set_alpn_protocols(["h2"] if client is Http2 else ["http/1.1"])
    return context

# SPDX-License-Identifier: Apache-2.0
"""A client that sends exactly the bytes it is given, and reads responses strictly."""
import socket
import struct

from wire import PATIENCE, Reader, Truncated, get


def connect(address, source=None):
    """`address` is (host, port) or the path of a unix socket; `source` is another loopback address to connect from."""
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        sock.connect(address)
        return sock
    sock = socket.create_connection(address, timeout=PATIENCE,
                                    source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def close_with_reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Client(Reader):
    def __init__(self, address, source=None):
        super().__init__(connect(address, source))

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)
        return self

    def send_quietly(self, data):
        """Sends as much as the peer accepts; the peer may refuse the rest by closing."""
        try:
            self.send(data)
        except ConnectionError:
            pass
        return self

    def ask(self, request, method="GET"):
        """Sends one request and returns its final response."""
        self.send(request)
        return self.read_final(method)

    def get(self, target="/", *fields):
        return self.ask(get(target, *fields))

    def read_final(self, method="GET"):
        return self.read_all(method)[-1]

    def read_all(self, method="GET"):
        """The interim responses and the final one."""
        responses = [self.read_response(method)]
        while responses[-1].interim:
            responses.append(self.read_response(method))
        return responses

    def expect_no_complete_answer(self):
        """Checks that the response ends early or (if no byte was passed on yet) is the proxy's own 502."""
        try:
            response = self.read_final()
        except Truncated:
            return
        assert response.status == 502, f"a complete answer: {response!r}"

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)
        return self

    def reset(self):
        close_with_reset(self.sock)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

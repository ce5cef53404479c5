# SPDX-License-Identifier: Apache-2.0
"""A backend that does what a test's script says, and remembers every byte that reached it.

A script is a function that is given a connection and runs in a thread of its own:

    def script(peer):
        request = peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nshort")
        peer.reset()

A script that returns leaves its connection open until the test ends.
"""
import os
import socket
import threading
import time

from raw_client import close_with_reset
from wire import OK, PATIENCE, Malformed, Reader, Truncated

TCP_INFO = 11
GONE = (6, 7)  # TIME_WAIT and CLOSE in <netinet/tcp.h>


def reply_once(data):
    """A script: reads one request, sends `data`, and closes."""

    def script(peer):
        peer.read_request()
        peer.send(data)
        peer.close()

    return script


def silent(peer):
    """A script: reads everything and sends nothing, until the peer closes."""
    peer.wait_for_close()


class HeldRequest:
    """A script that reads a request, and responds to it when the test says so."""

    def __init__(self, response=OK):
        self.response = response
        self.has_arrived, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, peer):
        peer.read_request()
        self.has_arrived.set()
        self.may_go_on.wait(4 * PATIENCE)
        peer.send(self.response)

    def wait_until_here(self):
        assert self.has_arrived.wait(2 * PATIENCE), "the request does not reach the backend"

    def respond(self):
        self.may_go_on.set()


class Connection(Reader):
    """The backend's end of one connection."""

    def __init__(self, sock, backend):
        super().__init__(sock)
        self.backend = backend
        self.requests = []
        self.ended_by_peer = None  # "eof" or "reset", once wait_for_close() has seen it
        self.finished = threading.Event()

    def is_used(self):
        """Waits for the first byte; returns false if the connection ends without one."""
        try:
            return self.sock.recv(1, socket.MSG_PEEK) != b""
        except OSError:
            return False

    def read_request_head(self):
        head = super().read_request_head()
        self.backend.record(self, head)
        return head

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def wait_for_close(self, patience=4 * PATIENCE):
        self.ended_by_peer = self.how_it_ends(patience)
        return self.ended_by_peer

    def serve(self):
        """Sends the backend's current responses to all further requests."""
        while True:
            self.read_request()
            self.send(self.backend.next_answer())

    def half_close(self):
        shut_down(self.sock, socket.SHUT_WR)

    def reset(self):
        close_with_reset(self.sock)

    def close(self):
        self.sock.close()


class ScriptedBackend:
    def __init__(self, path=None, family=socket.AF_INET):
        if path:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.listener.bind(path)
        else:
            self.listener = socket.socket(family, socket.SOCK_STREAM)
            self.listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.path = path
        self.listener.listen(512)
        self.changed = threading.Condition()
        self.start_over()
        self.accepting = threading.Thread(target=self.accept, daemon=True)
        self.accepting.start()

    @property
    def address(self):
        return self.path or self.listener.getsockname()[:2]

    @property
    def url(self):
        if self.path:
            return f"unix:{self.path}"
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start_over(self):
        self.answers(OK)
        self.connections = []
        self.requests = []
        self.failures = []
        self.threads = {}  # and the connection that each serves, used or not
        self.accepted = set()  # the addresses they came from

    def play(self, script, at_once=False):
        """Sets the script of every connection from now on. It starts with the first byte, or immediately. A connection
        without a byte (a probe, a spare one) does not count."""
        self.script, self.at_once = script, at_once

    def answers(self, *responses):
        """Sends plain responses from now on, one per request, repeating the last one. Connections with a running
        serve() follow at once."""
        self.plain_answers = list(responses)
        self.play(Connection.serve)

    def next_answer(self):
        with self.changed:
            return self.plain_answers.pop(0) if len(self.plain_answers) > 1 else self.plain_answers[0]

    @property
    def received(self):
        """Every byte of every connection of this test."""
        return b"".join(connection.received for connection in self.connections)

    @property
    def request(self):
        """The only request of this test."""
        assert len(self.requests) == 1, self.requests
        return self.requests[0]

    def record(self, connection, head):
        with self.changed:
            connection.requests.append(head)
            self.requests.append(head)
            self.changed.notify_all()

    def wait_until(self, condition, what, patience=PATIENCE):
        with self.changed:
            if not self.changed.wait_for(condition, patience):
                raise TimeoutError(f"the backend waited in vain for {what}")

    def wait_for_requests(self, count):
        self.wait_until(lambda: len(self.requests) >= count, f"{count} requests")
        return self.requests[count - 1]

    def wait_for_connections(self, count):
        self.wait_until(lambda: len(self.connections) >= count, f"{count} connections")
        return self.connections[count - 1]

    def wait_for_finish(self, number=0, patience=PATIENCE):
        """Waits until the script of one connection has ended."""
        connection = self.wait_for_connections(number + 1)
        assert connection.finished.wait(patience), "the backend's script did not come to its end"
        return connection

    def accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock, self)
            plan = (connection, self.script, self.at_once)
            thread = threading.Thread(target=self.run, args=plan, daemon=True)
            with self.changed:
                thread.start()
                self.threads[thread] = connection
                self.accepted.add(peer)
                self.changed.notify_all()

    def wait_for_accept_queue(self):
        """Waits until every connection that was made before this call has been accepted."""
        with socket.socket(self.listener.family, socket.SOCK_STREAM) as last:
            if self.path:
                last.bind("")  # a name, for getsockname()
            last.connect(self.address)
            self.wait_until(lambda: last.getsockname() in self.accepted, "its accept queue")

    def run(self, connection, script, at_once):
        if not at_once and not connection.is_used():
            return
        with self.changed:
            self.connections.append(connection)
            self.changed.notify_all()
        try:
            script(connection)
        except (Truncated, ConnectionError, TimeoutError):
            pass  # the proxy closed: for the test to judge, not for the script
        except OSError as error:
            if connection.sock.fileno() != -1:
                self.failures.append(error)
        except (Malformed, AssertionError, Exception) as error:  # pylint: disable=broad-except
            self.failures.append(error)
            shut_down(connection.sock)
        finally:
            connection.finished.set()
            with self.changed:
                self.changed.notify_all()

    def end_test(self):
        """Ends every connection and waits until the proxy has noticed, so that no pooled connection
        of one test serves the next. One that the proxy made and gave up at once may still be in the
        accept queue."""
        self.wait_for_accept_queue()
        self.end_connections()

    def end_connections(self):
        failures, threads = self.failures, dict(self.threads)
        for connection in threads.values():
            shut_down(connection.sock)
        for thread, connection in threads.items():
            thread.join(PATIENCE)
            if has_unread_bytes(connection.sock):
                connection.reset()  # with a full window the proxy's end could not be seen
            wait_until_gone(connection.sock)
            connection.sock.close()
        self.start_over()
        assert not failures, failures

    def kill(self):
        """No connection lasts, also of those that come meanwhile."""
        self.close()
        self.accepting.join(PATIENCE)
        self.end_connections()

    def close(self):
        shut_down(self.listener)
        self.listener.close()
        if self.path:
            os.unlink(self.path)


def shut_down(sock, direction=socket.SHUT_RDWR):
    try:
        sock.shutdown(direction)
    except OSError:
        pass


def has_unread_bytes(sock):
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False


def wait_until_gone(sock, patience=0.5):
    deadline = time.monotonic() + patience
    while sock.fileno() != -1 and time.monotonic() < deadline:
        try:
            if sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1)[0] in GONE:
                return
        except OSError:
            return  # a unix socket, or already closed
        time.sleep(0.001)

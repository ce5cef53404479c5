# SPDX-License-Identifier: Apache-2.0
"""Generates certificates, and provides clients and backends that use them."""
import socket
import ssl
import subprocess
import threading
from pathlib import Path

from raw_client import Client, close_with_reset, connect
from wire import OK, PATIENCE, Reader, Truncated

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")


class NoGoodbye(Truncated):
    """The connection ended without TLS's close_notify."""


class Certificates:
    """An authority and the certificates it signs, in a folder."""

    def __init__(self, folder, name="Test Authority"):
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.ca = self.path("ca.pem")
        self.openssl("req", "-x509", *EC, "-nodes", "-days", "2", "-subj", f"/CN={name}",
                     "-keyout", "ca.key", "-out", "ca.pem")

    def path(self, name):
        return str(self.folder / name)

    def openssl(self, *args):
        subprocess.run(["openssl", *map(str, args)], cwd=self.folder, check=True,
                       capture_output=True, timeout=60)

    def sign(self, name, *names, kind=EC, days=2):
        """The files of a certificate for these names, and of its key."""
        alternatives = ",".join(("IP:" if one[0].isdigit() else "DNS:") + one for one in names or [name])
        Path(self.path(f"{name}.ext")).write_text(f"subjectAltName={alternatives}\n", encoding="ascii")
        self.openssl("req", "-new", *kind, "-nodes", "-subj", f"/O=Tests/CN={name}", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr")
        self.openssl("x509", "-req", "-days", days, "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-in", f"{name}.csr", "-out", f"{name}.pem",
                     "-extfile", f"{name}.ext")
        return self.path(f"{name}.pem"), self.path(f"{name}.key")

    def expired(self, name):
        """The same, expired yesterday."""
        self.sign(name)
        Path(self.path("index.txt")).write_text("", encoding="ascii")
        Path(self.path("ca.cnf")).write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nrand_serial=yes\ndefault_md=sha256\n"
            "new_certs_dir=.\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n"
            "organizationName=optional\n", encoding="ascii")
        self.openssl("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key",
                     "-in", f"{name}.csr", "-out", f"{name}.pem", "-notext", "-extfile",
                     f"{name}.ext", "-startdate", "20200101000000Z", "-enddate", "20200201000000Z")
        return self.path(f"{name}.pem"), self.path(f"{name}.key")


class TlsReader(Reader):
    def fill(self, patience=PATIENCE):
        try:
            super().fill(patience)
        except ssl.SSLEOFError:
            raise NoGoodbye(f"no close_notify after {self.received[-200:]!r}") from None

    def leave_without_goodbye(self):
        """Ends the TCP connection without close_notify."""
        raw = socket.socket(fileno=self.sock.detach())
        raw.shutdown(socket.SHUT_WR)
        raw.close()


class TlsClient(TlsReader, Client):
    def __init__(self, address, context, name="localhost"):  # pylint: disable=super-init-not-called
        TlsReader.__init__(self, context.wrap_socket(connect(address), server_hostname=name,
                                                     suppress_ragged_eofs=False))


def trusting(certificates):
    return ssl.create_default_context(cafile=certificates.ca)


class TlsConnection(TlsReader):
    def __init__(self, sock, backend):
        super().__init__(sock)
        self.backend = backend

    def send(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def serve(self):
        while True:
            self.backend.requests.append(self.read_request())
            self.send(self.backend.answer)

    def close(self):
        """Ends with close_notify."""
        try:
            self.sock.settimeout(PATIENCE)
            self.sock.unwrap()
        except (OSError, ValueError):
            pass
        self.sock.close()

    def reset(self):
        close_with_reset(self.sock)


class TlsBackend:
    """A TLS backend that runs `script` on each connection."""

    def __init__(self, pair, client_ca=None, script=TlsConnection.serve):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        self.names = []
        self.context.sni_callback = lambda sock, name, context: self.names.append(name)
        self.script, self.answer = script, OK
        self.requests, self.reused, self.subjects, self.failures = [], [], [], []
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, host="localhost"):
        return f"https://{host}:{self.port}"

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(sock,), daemon=True).start()

    def run(self, sock):
        try:
            sock.settimeout(PATIENCE)
            secure = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except (OSError, ssl.SSLError) as error:
            self.failures.append(str(error))
            return
        self.reused.append(secure.session_reused)
        self.subjects.append(secure.getpeercert())
        connection = TlsConnection(secure, self)
        self.connections.append(connection)
        try:
            self.script(connection)
        except (Truncated, OSError):
            pass

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.sock.close()

# SPDX-License-Identifier: Apache-2.0
"""Certificate authorities for tests: Pebble, and its name server, which resolves every name to this machine."""
import json
import os
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from proxy_process import ROOT, free_port
from tls_peers import Certificates
from wire import PATIENCE

OWN_TOOLS = ROOT / "build" / "tools"
DEBIAN = shutil.which("pebble")
# A newer one than Debian's, with renewal information and profiles.
NEW = str(OWN_TOOLS / "pebble") if (OWN_TOOLS / "pebble").exists() else None
DAY = 24 * 3600


class Pebble:
    """A running authority. Its issuer changes with each start, and it forgets everything."""

    def __init__(self, folder, program=None, http_port=0, tls_port=0, environment=(), **options):
        self.program = program or NEW or DEBIAN
        self.folder = Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.certificates = Certificates(self.folder / "server")
        self.ca_file = self.certificates.ca
        self.port, self.management, self.names = free_port(), free_port(), free_port()
        self.environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "5", "PEBBLE_AUTHZREUSE": "0",
                            **dict(environment)}
        chain, key = self.certificates.sign("pebble", "127.0.0.1")
        config = {"listenAddress": f"127.0.0.1:{self.port}", "managementListenAddress": f"127.0.0.1:{self.management}",
                  "certificate": chain, "privateKey": key, "httpPort": http_port or 1, "tlsPort": tls_port or 1,
                  "retryAfter": {"authz": 1, "order": 1}, **options}
        self.config = self.folder / "pebble.json"
        self.config.write_text(json.dumps({"pebble": config}), encoding="utf-8")
        self.processes = []
        self.start()

    def start(self):
        self.log = (self.folder / "log").open("a", encoding="utf-8")
        name_server = [f"{self.program}-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01",
                       f"127.0.0.1:{self.names}", "-http01", "", "-https01", "", "-tlsalpn01", "", "-management",
                       f"127.0.0.1:{free_port()}"]
        if self.program == NEW:
            name_server[name_server.index("-dns01")] = "-dnsserver"
            name_server += ["-doh", ""]
        authority = [self.program, "-config", str(self.config), "-strict", "-dnsserver", f"127.0.0.1:{self.names}"]
        for command in name_server, authority:
            self.processes.append(subprocess.Popen(command, env={**os.environ, **self.environment}, stdout=self.log,
                                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            try:
                self.ask(self.directory)
                return
            except OSError:
                assert time.monotonic() < deadline, self.text()
                time.sleep(0.02)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
        self.log.close()

    @property
    def directory(self):
        return f"https://127.0.0.1:{self.port}/dir"

    @property
    def flags(self):
        return "--acme", "ops@example.org", "--acme-ca", self.directory, "--acme-ca-file", self.ca_file

    def text(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def ask(self, url, content=None):
        context = ssl.create_default_context(cafile=self.ca_file)
        body = None if content is None else json.dumps(content).encode()
        with urllib.request.urlopen(url, body, timeout=PATIENCE, context=context) as response:
            return response.read()

    def roots(self):
        """The file with the root of the certificates that it issues."""
        path = self.folder / "root.pem"
        path.write_bytes(self.ask(f"https://127.0.0.1:{self.management}/roots/0"))
        return str(path)

    def count(self, what):
        """How many requests to one of its resources it has logged."""
        return self.text().count(f" {what}")

# SPDX-License-Identifier: Apache-2.0
"""The workloads: the requests, the load and the goal of each."""

from dataclasses import dataclass

LARGE = 64 << 20
BROWSER = """\
Connection: keep-alive
Cache-Control: max-age=0
sec-ch-ua: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Linux"
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8
Sec-Fetch-Site: same-origin
Sec-Fetch-Mode: navigate
Sec-Fetch-User: ?1
Sec-Fetch-Dest: document
Referer: https://www.example.com/catalogue/section/page?id=12345&sort=asc
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-GB,en;q=0.9,fr;q=0.8
Cookie: session=4f7d2c0a9b8e4d1f8a6b3c5d7e9f0a1b; theme=dark; _ga=GA1.1.1234567890.1700000000; consent=yes
If-None-Match: W/"5f2b-18c3a7e9d40"
X-Requested-With: XMLHttpRequest
DNT: 1
"""  # 20 fields, with Host
UPGRADE = """\
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
"""


@dataclass(frozen=True)
class Goal:
    limit: float
    relative: bool = True  # a ratio to the best of the peers; if False, a number in the workload's unit

    def __str__(self):
        return f"at most {self.limit:.2f} of the best" if self.relative else f"at most {self.limit:g}"


# Setups: clients without TLS; clients with TLS; h2c clients and an h2c backend; several backends, one of them slow.
PLAIN, TLS, H2C, BALANCE = "plain", "tls", "h2c", "balance"
BACKENDS = 8  # the number of backends in BALANCE


@dataclass(frozen=True)
class Workload:
    name: str
    about: str
    unit: str
    goal: Goal | None
    start: str = "GET /bytes/128"  # method and path
    fields: str = ""
    mode: str = "closed"  # a mode of the load generator, or "h2load", "startup", "wrk"
    setup: str = PLAIN
    streams: int = 0  # h2load: requests in flight on each connection
    conns: int = 64
    expect: int = 128
    body: int = 0
    status: int = 200
    default: bool = True

    def request(self):
        length = f"Content-Length: {self.body}\n" if self.body else ""
        text = f"{self.start} HTTP/1.1\nHost: www.example.com\n{self.fields}{length}\n"
        return text.replace("\n", "\r\n").encode()

    def url(self, port):
        scheme = "https" if self.setup == TLS else "http"
        return f"{scheme}://127.0.0.1:{port}{self.start.split()[1]}"

    def per_exchange(self):
        """Returns the bytes of payload of one exchange, in the direction with more of them."""
        return max(self.expect, self.body)


def routes(count):
    """Returns a configuration with `count` routes, half of them by host and half by path.

    None of them matches a request of the workloads.
    """
    half = count // 2
    tables = [f'host = ["h{number}.example.com"]' for number in range(half)]
    tables += [f'path = "/part{number}/*"' for number in range(count - half)]
    return "".join(f"[[route]]\n{table}\nstatus = 404\n" for table in tables)


PER_REQUEST = "CPU us/request"
PER_GIB = "CPU ms/GiB"
PER_HANDSHAKE = "CPU us/handshake"

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("small", "GET 128 B", PER_REQUEST, Goal(0.75)),
        Workload("browser", "GET 1 KiB, 20 browser headers", PER_REQUEST, Goal(0.75),
                 "GET /bytes/1024", BROWSER, expect=1024),
        Workload("10k", "GET 10 KiB", PER_REQUEST, Goal(0.75), "GET /bytes/10240", expect=10240),
        Workload("post", "POST 4 KiB, echoed", PER_REQUEST, Goal(1.0), "POST /echo",
                 body=4096, expect=4096),
        Workload("download", "GET 64 MiB", PER_GIB, Goal(0.50), f"GET /bytes/{LARGE}",
                 conns=4, expect=LARGE),
        Workload("upload", "POST 64 MiB", PER_GIB, Goal(0.50), "POST /upload",
                 conns=4, body=LARGE, expect=len(str(LARGE))),
        Workload("newconn", "GET 128 B, new connection each", PER_REQUEST, Goal(0.85),
                 fields="Connection: close\n", mode="newconn", conns=16),
        Workload("websocket", "WebSocket echo of 64 B", "CPU us/message", Goal(1.0),
                 "GET /ws", UPGRADE, mode="websocket", expect=64, status=101),
        Workload("tls", "TLS, HTTP/1.1: GET 128 B", PER_REQUEST, Goal(0.85), setup=TLS),
        Workload("tls-download", "TLS, HTTP/1.1: GET 64 MiB", PER_GIB, Goal(0.90),
                 f"GET /bytes/{LARGE}", setup=TLS, conns=4, expect=LARGE),
        Workload("handshake", "full TLS handshake and GET 128 B", PER_HANDSHAKE, Goal(1.0),
                 fields="Connection: close\n", mode="newconn", setup=TLS, conns=16),
        Workload("resume", "resumed TLS handshake and GET 128 B", PER_HANDSHAKE, Goal(1.0),
                 fields="Connection: close\n", mode="resume", setup=TLS, conns=16),
        Workload("h2-10", "TLS, HTTP/2: GET 128 B, 10 streams a connection", PER_REQUEST,
                 Goal(0.80), mode="h2load", setup=TLS, conns=16, streams=10),
        Workload("h2-100", "TLS, HTTP/2: GET 128 B, 100 streams a connection", PER_REQUEST,
                 Goal(0.80), mode="h2load", setup=TLS, conns=4, streams=100),
        Workload("h2c", "h2c to h2c: GET 128 B, 10 streams a connection", PER_REQUEST,
                 Goal(0.80), mode="h2load", setup=H2C, conns=16, streams=10),
        Workload("balance-8", "GET 128 B from 8 backends, one of them three times slower", PER_REQUEST,
                 None, setup=BALANCE, conns=24),
        Workload("idle", "memory of an idle client connection", "KiB/connection",
                 Goal(1.0, relative=False), mode="idle", conns=4000),
        Workload("startup", "from exec to the first response", "ms", Goal(20.0, relative=False),
                 mode="startup"),
        Workload("wrk", "GET 128 B by wrk, as a cross-check of our own load", PER_REQUEST, None,
                 mode="wrk", default=False),
    )
}

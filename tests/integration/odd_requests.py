# SPDX-License-Identifier: Apache-2.0
"""Requests that parsers disagree about, generated from a seed. Each case is the bytes of one client connection: up to
three requests, most of them odd in a place or two, with further requests hidden in their bodies, and a plain last one.
"""
import random

METHODS = ["GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "get", "G\tT", "GET\0"]
VERSIONS = ["HTTP/1.1"] * 12 + ["HTTP/1.0", "HTTP/1.1 ", "HTTP/1.2", "http/1.1", "HTTP/2.0", "HTTP/01.1", ""]
QUERIES = [""] * 6 + ["?a=b", "?", "?a=b;c", "#x", "%00", "%0d%0aX:%20y", "/../x", "//", "\\", "?%", "%zz", "\t", " x"]
HOSTS = ["h.test"] * 10 + ["h.test:80", "h.test:", "other.test", "", "h.test, other.test", "h test", "u@h.test", "[::1]"]
PLAIN = ["User-Agent: odd", "Accept: */*", "Cookie: a=b", "X-A:b", "X-A:\t b \t", "X-Empty:", "X_A: b", "X.A: b",
         "Accept-Encoding: gzip", "X-High: \xe4\x85\xa0", "Range: bytes=0-1", "Via: 1.1 x", "Content-Type: text/plain"]
ODD = ["Connection: keep-alive", "Connection: Content-Length", "Connection: Transfer-Encoding", "TE: trailers",
       "Connection: close", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk",
       "Content_Length: 7", "Transfer_Encoding: chunked", "Trailer: X-T", "Trailer: Content-Length", " Folded: x",
       "\tFolded: x", "X-A : b", "X A: b", ": b", "no colon", "X-A: \0", "X-A: \x0b", "X-A: b\x0c", "X-\xe4: b",
       "Keep-Alive: timeout=1", "Proxy-Connection: keep-alive", "X-Forwarded-Host: evil", "Expect: x",
       "Content-Encoding: chunked", "X-A: b\rContent-Length: 3", "X-A: b\nContent-Length: 3", "Host: second.test",
       "X-A: b\r\n\x20Content-Length: 3"]
CODINGS = ["chunked"] * 60 + ["Chunked", "CHUNKED ", "\tchunked", "chunked,", ",chunked", "chunked, chunked", "identity",
           "gzip, chunked", "chunked, identity", "xchunked", "chunked;q=1", '"chunked"', "chunked\x0b", "\x0bchunked",
           "chun\0ked", "", "chunked\xa0", "chunked x", "identity, chunked", "chunked\r\n\tx"]
LENGTHS = ["{}"] * 60 + ["0{}", "00{}", "+{}", "-{}", "{} ", " {}", "{},{}", "{}, {}", "0x{}", "{}.0", "{}\0", "{}\x0b", "",
                         "{} {}", "{}_0", "1{}", "18446744073709551616", "{}\xa0", "{};", "{}a"]
SIZES = ["{:x}"] * 150 + ["{:X}", "0{:x}", "000{:x}", "{:x};a=b"] * 4 + ["0x{:x}", "+{:x}", "-{:x}", "{:x} ", " {:x}", "{:x}\t", "{:x};a=b",
                         "{:x};a=\"b\"", "{:x} ;a", "{:x};", "{:x};\0", "{:x};a\rb", "{:x};a\nb", "{:x}g", "", "{:x}\0",
                         "10000000000000{:03x}", "00000000000000000{:x}", "{:x};" + "e" * 300, "{:x},{:x}"]
LINE_ENDS = [b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b" \r\n", b"\0\r\n", b"\r\n "]
BYTES = [b"\r", b"\n", b"\r\n", b"\0", b" ", b"\t", b":", b",", b";", b"0", b"1", b"a", b"\x0b", b"\x7f", b"\x85", b"\xff",
          b"\r\n\r\n", b"\n\n", b"\r\n0\r\n\r\n"]


class OddRequests:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def cases(self, count):
        return [self.case(number) for number in range(count)]

    def case(self, number):
        requests = [self.request(f"/c{number}/{part}") for part in range(self.random.choice([1, 1, 2, 3]))]
        last = f"GET /c{number}/last HTTP/1.1\r\nHost: h.test\r\nConnection: close\r\n\r\n"
        return b"".join(requests) + last.encode()

    def chance(self, probability):
        return self.random.random() < probability

    def request(self, target):
        body = self.body(target)
        lines, content = self.framing(body)
        lines.append("Host: " + self.random.choice(HOSTS if self.chance(0.1) else HOSTS[:1]))
        lines += self.random.sample(PLAIN, self.random.choice([0, 0, 1, 2]))
        if self.chance(0.15):
            lines.append(self.random.choice(ODD))
        self.random.shuffle(lines)
        head = self.with_line_ends([self.start_line(target), *lines, ""])
        return self.damaged(head + content) if self.chance(0.12) else head + content

    def start_line(self, target):
        if self.chance(0.85):
            return f"{self.random.choice(METHODS[:9])} {target} HTTP/1.1"
        target += self.random.choice(QUERIES)
        if self.chance(0.3):
            target = f"http://{self.random.choice(HOSTS)}{target}"
        return f"{self.random.choice(METHODS)} {target} {self.random.choice(VERSIONS)}"

    def body(self, target):
        """Content that is a request itself, for a parser that loses count."""
        hidden = f"GET {target}/hidden HTTP/1.1\r\nHost: h.test\r\n\r\n".encode()
        return self.random.choice([b"", b"x", b"0\r\n\r\n", hidden, hidden, b"0\r\n\r\n" + hidden, b"\r\n" + hidden])

    def framing(self, body):
        """Field lines, and what follows the head."""
        kind = self.random.choice(["none"] * 4 + ["length"] * 5 + ["chunked"] * 8 + ["both", "two"])
        if kind == "none":
            return [], body if self.chance(0.2) else b""
        if kind == "length":
            return [self.length(body)], body
        if kind == "chunked":
            return [self.coding()], self.chunked(body)
        if kind == "both":
            return [self.length(body), self.coding()], self.random.choice([body, self.chunked(body)])
        field, content = self.random.choice([(self.length, body), (lambda _: self.coding(), self.chunked(body))])
        return [field(body), field(body)], content

    def named(self, name):
        style = self.random.choice([str, str, str, str.lower, str.upper, str.swapcase])
        return style(name) + self.random.choice([": "] * 40 + [":", ":\t "] * 5 + [" : ", "\t: ", "\0: "])

    def length(self, body):
        text = self.random.choice(LENGTHS)
        size = len(body) if self.chance(0.95) else self.random.randrange(len(body) + 3)
        return self.named("Content-Length") + text.format(size, size)

    def coding(self):
        return self.named("Transfer-Encoding") + self.random.choice(CODINGS)

    def chunked(self, body):
        cut = self.random.randrange(len(body) + 1)
        pieces = [piece for piece in (body[:cut], body[cut:]) if piece]
        out = b"".join(self.chunk_size(len(piece)) + piece + self.line_end() for piece in pieces)
        trailers = self.random.sample([*PLAIN[:4], *ODD], 1) if self.chance(0.2) else []
        return out + self.chunk_size(0) + self.with_line_ends([*trailers, ""])

    def chunk_size(self, size):
        return self.random.choice(SIZES).format(size, size).encode("latin-1") + self.line_end()

    def line_end(self):
        return self.random.choice(LINE_ENDS) if self.chance(0.02) else b"\r\n"

    def with_line_ends(self, lines):
        odd = self.random.randrange(len(lines)) if self.chance(0.1) else None
        return b"".join(line.encode("latin-1") + (self.random.choice(LINE_ENDS) if number == odd else b"\r\n")
                        for number, line in enumerate(lines))

    def damaged(self, data):
        """Inserts, removes, doubles or replaces about one byte."""
        at = self.random.randrange(len(data))
        new = self.random.choice(BYTES)
        return data[:at] + self.random.choice([new, b"", data[at:at + 1] * 2, new + data[at:at + 1]]) + data[at + 1:]

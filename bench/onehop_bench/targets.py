# SPDX-License-Identifier: Apache-2.0
"""What is compared: how each proxy is started between a port and the backend's port."""

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import tools

ONEHOP = tools.ROOT / "build" / "release" / "onehop"
ONEHOP_ARGUMENTS = "-l 127.0.0.1:{listen} --workers 1 --access-log off http://127.0.0.1:{backend}"
CONNECTIONS = 8000  # what nginx and haproxy are set up for, descriptors permitting

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
    server 127.0.0.1:{backend};
    keepalive 512; keepalive_requests 1000000000; keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{listen} backlog=4096;
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
  bind 127.0.0.1:{listen} backlog 4096
  http-request set-header X-Forwarded-Proto http
  default_backend backend
backend backend
  server one 127.0.0.1:{backend} pool-max-conn 2000
"""


@dataclass(frozen=True)
class Place:
    """Where one run of a target lives."""

    directory: Path
    listen: int
    backend: int
    files: int  # descriptors it may open


@dataclass(frozen=True)
class Target:
    name: str
    about: str
    command: Callable[[Place], list]
    missing: Callable[[], str | None]  # why it cannot run, if so


def connections(place):
    return min(CONNECTIONS, (place.files - 200) // 2)


def nginx(place):
    settings = NGINX.format(
        directory=place.directory, listen=place.listen, backend=place.backend, files=place.files,
        twice=2 * connections(place), user="user root;" if os.geteuid() == 0 else "")
    (place.directory / "nginx.conf").write_text(settings)
    return ["nginx", "-p", str(place.directory), "-c", str(place.directory / "nginx.conf")]


def haproxy(place, splice=False):
    settings = HAPROXY.format(
        listen=place.listen, backend=place.backend, splice="option splice-auto" if splice else "",
        connections=connections(place) - (1000 if splice else 0))  # pipes are descriptors, too
    (place.directory / "haproxy.cfg").write_text(settings)
    return ["haproxy", "-db", "-f", str(place.directory / "haproxy.cfg")]


def relay(place, splice=False):
    return [tools.path("relay"), str(place.listen), str(place.backend)] + ["splice"] * splice


def onehop_command(template):
    """A full command with {listen} and {backend}, or just a program, which gets the usual arguments."""
    if "{listen}" not in template:
        template = f"{template} {ONEHOP_ARGUMENTS}"
    program, *arguments = shlex.split(template)
    program = os.path.abspath(shutil.which(program) or program)  # it runs in a folder of its own

    def command(place):
        listen, backend = str(place.listen), str(place.backend)
        return [program] + [argument.replace("{listen}", listen).replace("{backend}", backend)
                            for argument in arguments]

    return command


def absent(program):
    return None if shutil.which(program) else f"{program} not found"


def all_targets(onehop):
    def package(name):
        reason = absent(name)
        return f"{reason} (apt-get install {name})" if reason else None

    def without_onehop():
        reason = absent(shlex.split(onehop)[0])
        return f"{reason} (make build)" if reason else None

    listed = (
        Target("nginx", "Debian's, one worker", nginx, lambda: package("nginx")),
        Target("haproxy", "Debian's, one thread", haproxy, lambda: package("haproxy")),
        Target("haproxy-splice", "... with splice-auto", lambda place: haproxy(place, True),
               lambda: package("haproxy")),
        Target("relay", "bare byte relay: the limit", relay, lambda: None),
        Target("relay-splice", "... splicing large transfers", lambda place: relay(place, True),
               lambda: None),
        Target("onehop", "this repository's", onehop_command(onehop), without_onehop),
    )
    return {target.name: target for target in listed}

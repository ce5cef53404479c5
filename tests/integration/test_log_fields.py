# SPDX-License-Identifier: Apache-2.0
"""--access-log-fields, and what a line says of TLS."""
import json
import re
import subprocess

import pytest

from proxy_process import run_onehop
from tls_peers import Certificates
from wire import OK


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def backend(start_backend):
    backend = start_backend()
    backend.answers(OK)
    return backend


def test_text_has_the_fields_in_their_order(start_proxy, backend):
    proxy = start_proxy("--access-log-fields", "status,target", "--access-log-fields", "user_agent,time,upstream",
                        backend.url)
    with proxy.client() as client:
        client.get("/x?y=\"1", "User-Agent: a b\"c")
    line = proxy.wait_for_log_lines(1)[0]
    assert re.fullmatch(r'status=200 target="/x\?y=\\x221" user_agent="a b\\x22c" time=\d{4}-\d\d-\d\dT[\d:.]+Z '
                        rf"upstream=127\.0\.0\.1:{backend.address[1]}", line), line


def test_json_has_the_fields_too(start_proxy, backend):
    proxy = start_proxy("--access-log", "json", "--access-log-fields", "total,client,failure,attempts", backend.url)
    with proxy.client() as client:
        client.get("/")
    entry = json.loads(proxy.wait_for_log_lines(1)[0])
    assert list(entry) == ["total", "client", "failure", "attempts"]
    assert entry["total"] > 0 and entry["client"] == "127.0.0.1" and entry["failure"] is None and entry["attempts"] == 1


@pytest.mark.parametrize("version", ["h2", "http/1.1"])
def test_a_request_over_tls_and_one_without(start_proxy, backend, authority, version):
    chain, key = authority.sign("localhost")
    proxy = start_proxy("--access-log", "json", "--tls", chain, "--tls-key", key, backend.url)
    fields = start_proxy("--access-log-fields", "scheme,tls_version,tls_cipher,tls_server_name,tls_protocol",
                         "--access-log", "json", "--tls", chain, "--tls-key", key, backend.url)
    plain = start_proxy("--access-log", "json", backend.url)
    curl_version = "--http2" if version == "h2" else "--http1.1"
    for one in (proxy, fields):
        subprocess.run(["curl", "-sS", curl_version, "--cacert", authority.ca, "-o", "/dev/null",
                        f"https://localhost:{one.address[1]}/"], check=True)
    with plain.client() as client:
        client.get("/")
    entry = json.loads(proxy.wait_for_log_lines(1)[0])
    assert (entry["scheme"], entry["tls_version"], entry["route"]) == ("https", "TLSv1.3", None)
    assert entry["tls_cipher"].startswith("TLS_")
    chosen = json.loads(fields.wait_for_log_lines(1)[0])
    assert (chosen["tls_server_name"], chosen["tls_protocol"]) == ("localhost", version)
    assert chosen["tls_cipher"] == entry["tls_cipher"]
    without = json.loads(plain.wait_for_log_lines(1)[0])
    assert (without["scheme"], without["tls_version"], without["tls_cipher"]) == ("http", None, None)


@pytest.mark.parametrize("names, why", [
    ("user-agent", "'user-agent' is not a field of the access log; did you mean user_agent?"),
    ("time,colour", "'colour' is not a field of the access log; the fields are time, client, "),
    ("time,status,time", "--access-log-fields names 'time' twice"),
])
def test_an_invalid_field_name_is_a_startup_error(names, why):
    ended = run_onehop("-l", "127.0.0.1:0", "--access-log-fields", names, "http://127.0.0.1:1")
    assert ended.returncode == 2
    assert why in ended.stderr

# SPDX-License-Identifier: Apache-2.0
"""Routes and upstreams of a configuration file."""
import json
import subprocess
import threading

from proxy_process import PROGRAM, run_onehop
from raw_client import Client
from replicas import Load
from tls_peers import Certificates, TlsBackend
from wire import PATIENCE, answer, get, message


def ask(proxy, target="/", *fields, host="h", method="GET"):
    with Client(proxy.address) as client:
        return client.ask(get(target, *fields, host=host).replace(b"GET", method.encode(), 1), method)


def checked(folder, text, *flags):
    file = folder / "checked.toml"
    file.write_text(text)
    return run_onehop("check", "--config", file, *flags)


def test_routes_choose_by_host_path_method_and_header(configured, start_backend):
    backends = {name: start_backend() for name in ("top", "api", "deep", "wild", "post", "beta")}
    for name, one in backends.items():
        one.answers(answer(name.encode()))
    url = {name: one.url for name, one in backends.items()}
    proxy = configured(
        backend=url["top"],
        upstream={"api": {"backend": url["api"]}},
        route=[
            {"path": "/api/*", "upstream": "api"},
            {"host": "a.example", "path": "/api/deep", "backend": url["deep"]},
            {"host": ["*.b.example"], "backend": url["wild"]},
            {"path": "/api/*", "method": "POST", "backend": url["post"]},
            {"header": "X-Beta: yes", "backend": url["beta"]},
        ])
    assert ask(proxy).body == b"top"
    assert ask(proxy, "/api").body == ask(proxy, "/api/x").body == b"api"
    assert ask(proxy, "/apix").body == b"top"
    assert ask(proxy, "/api/deep", host="A.example:80").body == b"deep"
    assert ask(proxy, "/api/deep", host="b.example").body == b"api"
    assert ask(proxy, "/api/x", host="x.b.example").body == b"wild"
    assert ask(proxy, "/api/x", method="POST").body == b"post"
    assert ask(proxy, "/x", "X-Beta: yes").body == b"beta"
    assert ask(proxy, "/x", "X-Beta: no").body == b"top"
    assert ask(proxy, "/x/../api").status == ask(proxy, "/api%2fx").status == ask(proxy, "//api").status == 400


def test_without_a_top_level_backend_there_is_no_default_route(configured, start_backend):
    backend = start_backend()
    proxy = configured(route=[{"host": "a.example", "backend": backend.url}])
    assert ask(proxy, host="a.example").status == 200
    assert ask(proxy, host="b.example").status == 404
    assert len(backend.requests) == 1


def test_a_route_changes_paths_fields_and_hosts(configured, start_backend):
    backend = start_backend()
    backend.answers(message("HTTP/1.1 302 Found", "Location: /login", "Set-Cookie: s=1; Path=/", "Content-Length: 0"))
    proxy = configured(header_up=["X-Top: 1"], route=[
        {"path": "/shop/*", "backend": backend.url + "/base", "strip-prefix": "/shop", "add-prefix": "/v2",
         "map-back": True, "header-up": ["X-Route: {path}"], "header-down": ["X-Down: {method}"], "host-header": "shop"},
        {"path": "/plain", "backend": backend.url},
    ])
    got = ask(proxy, "/shop/cart?a=/shop")
    seen = backend.requests[-1]
    assert seen.target == "/base/v2/cart?a=/shop"
    assert (seen.fields.get("host"), seen.fields.get("x-route"), seen.fields.get("x-top")) == ("shop", "/v2/cart", None)
    assert got.fields.get("x-down") == "GET"
    assert got.fields.get("location") == "/login", "not below what was added"
    ask(proxy, "/plain")
    assert backend.requests[-1].fields.get("x-top") == "1"


def test_a_route_redirects_or_responds(configured, start_backend):
    backend = start_backend()
    proxy = configured(backend=backend.url, route=[
        {"path": "/old/*", "strip-prefix": "/old", "redirect": "https://new.example/*", "status": 308},
        {"path": "/one", "redirect": "/two?*"},
        {"path": "/gone/*", "status": 410},
    ])
    moved = ask(proxy, "/old/x?q")
    assert (moved.status, moved.fields.get("location")) == (308, "https://new.example/x?q")
    moved = ask(proxy, "/one?q")
    assert (moved.status, moved.fields.get("location")) == (307, "/two?q")
    assert ask(proxy, "/gone/x").status == 410
    assert backend.requests == []


def test_upstreams_have_settings_of_their_own(configured, start_backend, tmp_path):
    certificates = Certificates(tmp_path / "ca")
    slow = start_backend()
    slow.play(lambda peer: (peer.read_request(), threading.Event().wait(2)))
    secure = TlsBackend(certificates.sign("localhost"))
    proxy = configured(
        upstream={"slow": {"backend": slow.url, "response-timeout": "100ms"},
                  "secure": {"backend": secure.url(), "backend-ca": certificates.ca},
                  "other": {"backend": secure.url()}},
        route=[{"path": "/" + name, "upstream": name} for name in ("slow", "secure", "other")])
    assert ask(proxy, "/slow").status == 504
    assert ask(proxy, "/secure").status == 200
    assert ask(proxy, "/other").status == 502, "the CA is that of one upstream"


def test_the_access_log_names_the_route(configured, start_backend):
    backend = start_backend()
    proxy = configured(access_log="json", workers=1, backend=backend.url,
                       route=[{"host": "a.example", "path": "/api/*", "backend": backend.url}])
    ask(proxy, "/api/x", host="a.example")
    ask(proxy, "/y")
    proxy.process.terminate()
    proxy.process.wait(PATIENCE)
    lines = [json.loads(line) for line in proxy.stdout().splitlines()]
    assert [line["route"] for line in lines] == ["a.example/api/*", "/*"]


def test_a_reload_changes_routes_under_load_and_loses_nothing(configured, start_backend):
    one, two = start_backend(), start_backend()
    one.answers(answer(b"one"))
    two.answers(answer(b"two"))
    route = {"path": "/a/*", "upstream": "x"}
    proxy = configured(upstream={"x": {"backend": one.url}}, route=[route])
    with Load(proxy.address, get("/a/b")) as load:
        for round_ in range(6):
            backend = (two, one)[round_ % 2]
            line = proxy.reload(upstream={"x": {"backend": backend.url}},
                                route=[route, {"path": f"/{round_}", "status": 204}])
            assert "upstream.x: backend" in line
            assert ask(proxy, f"/{round_}").status == 204
    assert set(load.answers) == {(200, "one"), (200, "two")}


def test_a_reload_keeps_the_connections_of_an_upstream_that_did_not_change(configured, start_backend):
    backend = start_backend()
    proxy = configured(workers=1, upstream={"x": {"backend": backend.url}}, route=[{"path": "/a", "upstream": "x"}])
    ask(proxy, "/a")
    line = proxy.reload(route=[{"path": "/a", "upstream": "x"},
                               {"path": "/b", "upstream": "x", "header-up": ["X-B: 1"]}])
    assert "route /b: upstream" in line and "new connections" not in line
    ask(proxy, "/b")
    used = [one for one in backend.connections if one.received]
    assert (len(backend.requests), len(used)) == (2, 1)
    line = proxy.reload(upstream={"x": {"backend": backend.url, "response-timeout": "7s"}})
    assert "upstream.x: response-timeout" in line and "new connections" in line


def test_check_prints_what_it_reads(tmp_path):
    text = """backend = "http://a:1"

[upstream.api]
backend = "http://b:2?x"
connect-timeout = "3s"

[[route]]
host = ["a.example", "*.b.example"]
path = "/api/*"
method = "POST"
header = "X-Beta"
upstream = "api"
strip-prefix = "/api"
map-back = true
response-timeout = "1s"

[[route]]
path = "/old/*"
redirect = "https://c/*"
status = 301
"""
    printed = checked(tmp_path, text, "--print")
    assert printed.returncode == 0, printed.stderr
    again = checked(tmp_path, printed.stdout, "--print")
    without_origins = [[line.split("  #")[0] for line in one.stdout.splitlines()] for one in (printed, again)]
    assert again.returncode == 0 and without_origins[0] == without_origins[1]
    for line in text.splitlines():
        assert line in without_origins[0], line


def test_check_finds_mistakes_in_tables(tmp_path):
    found = checked(tmp_path, """[upstream.api]
backend = "http://a:1"
workers = 3
conect-timeout = "3s"

[upstream.web]
response-timeout = "1s"

[[route]]
path = "api"
upstream = "ap"

[[route]]
path = "/x/*"
status = 404
upstream = "api"

[[route]]
path = "/%78/*"
strip-prefix = "/y"
upstream = "api"

[[route]]
path = "/n"
""", "--json")
    findings = [(one["line"], one["message"], one.get("hint", "")) for one in json.loads(found.stdout)["findings"]]
    assert found.returncode == 2
    assert findings == [
        (3, "workers does not belong in an [upstream.NAME]", "it belongs at the top of the file"),
        (4, "unknown setting 'conect-timeout'", "did you mean connect-timeout?"),
        (6, "upstream.web has no backend", 'add backend = "http://HOST:PORT"'),
        (10, 'path: "api" does not begin with a slash', ""),
        (11, "unknown upstream 'ap'; there are 'api' and 'web'", "did you mean api?"),
        (16, "a route with status sends no requests to a backend", "remove upstream or status"),
        (20, "strip-prefix: '/y' is not the beginning of the path, '/%78/*'", ""),
        (23, "this route leads nowhere", "add upstream, backend, redirect or status"),
    ]


def test_check_finds_equal_routes_and_unused_upstreams(tmp_path):
    found = checked(tmp_path, """backend = "http://a:1"

[upstream.api]
backend = "http://a:1"

[[route]]
path = "/x/*"
status = 404

[[route]]
path = "/%78/*"
status = 410

[[route]]
status = 406
""", "--json")
    findings = [(one["line"], one["severity"], one["message"]) for one in json.loads(found.stdout)["findings"]]
    assert findings == [
        (3, "warning", "no route uses upstream.api"),
        (10, "error", f"this route takes the same requests as the route in {tmp_path}/checked.toml:6: /%78/*"),
        (14, "error", "this route takes the same requests as the backend at the top: /*"),
    ]


def test_the_schema_has_the_tables():
    schema = json.loads(subprocess.run([PROGRAM, "check", "--schema"], capture_output=True, check=True).stdout)
    upstream = schema["properties"]["upstream"]["additionalProperties"]
    route = schema["properties"]["route"]["items"]
    assert "connect-timeout" in upstream["properties"] and "path" not in upstream["properties"]
    assert {"path", "host", "header-up", "connect-timeout"} <= set(route["properties"])
    assert "workers" not in route["properties"]


def test_the_diff_compares_tables(configured, start_backend, tmp_path):
    backend = start_backend()
    socket = tmp_path / "admin.sock"
    proxy = configured(admin_socket=str(socket), upstream={"x": {"backend": backend.url}},
                       route=[{"path": "/a", "upstream": "x"}])
    proxy.change(route=[{"path": "/a", "upstream": "x", "header-up": ["X-A: 1"]}, {"path": "/b", "status": 404}])
    diff = run_onehop("check", "--config", proxy.file, "--diff")
    assert diff.stdout.splitlines() == [
        'route /a: header-up: nothing becomes ["X-A: (hidden)"] (next request)',
        'route /b: path: nothing becomes "/b" (next request)',
        "route /b: status: nothing becomes 404 (next request)",
    ], diff.stderr

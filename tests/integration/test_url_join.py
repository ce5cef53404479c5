# SPDX-License-Identifier: Apache-2.0
"""The path and query of a request are joined with those of the backend's URL."""
import pytest

from proxy_process import run_onehop
from wire import get, message


@pytest.mark.parametrize("base, target, joined", [
    ("/base", "/dir", "/base/dir"),
    ("/base/", "/dir", "/base/dir"),
    ("/base", "/", "/base/"),
    ("/base/", "/", "/base/"),
    ("", "/x", "/x"),
    ("/", "/x", "/x"),
    ("/a/b", "/c", "/a/b/c"),
    ("/a%2Fb", "/c", "/a%2Fb/c"),
    ("/a%2Fb%2F", "/c", "/a%2Fb%2F/c"),
    ("/a%2Fb/", "/c%2Fd", "/a%2Fb/c%2Fd"),
    ("/a", "/b%2fc", "/a/b%2fc"),
    ("/base", "//x", "/base//x"),
])
def test_paths_are_joined_with_one_slash(hop_with, base, target, joined):
    assert hop_with(path=base).seen(get(target)).target == joined


@pytest.mark.parametrize("target", [
    "/%41", "/b%2fc", "/b%2Fc", "//x", "///", "/a/../b", "/a/./b", "/a/..", "/a//b/",
    "/;p=1,2/:@!$&'()*+=~-._", "/%00", "/%ff",
])
def test_an_escaped_path_is_kept_byte_for_byte(hop, target):
    assert hop.seen(get(target)).target == target


def test_printable_bytes_outside_the_url_grammar_are_relayed_as_they_are(hop):
    assert hop.seen(get("/a|b^c`d{e}\"<>\\")).target == "/a|b^c`d{e}\"<>\\"


@pytest.mark.parametrize("base, target, joined", [
    ("", "/x", "/x"),
    ("/?sta=tic", "/x?us=er", "/x?sta=tic&us=er"),
    ("", "/x?us=er", "/x?us=er"),
    ("/?sta=tic", "/x", "/x?sta=tic"),
    ("/base?sta=tic", "/x?us=er", "/base/x?sta=tic&us=er"),
])
def test_queries_are_joined_with_an_ampersand(hop_with, base, target, joined):
    assert hop_with(path=base).seen(get(target)).target == joined


@pytest.mark.parametrize("query", [
    "", "a=1&a=2;b=3", "a=1&a=%zz&b=3", "z=1&a=2", "x=good%3B", "a=%2", "?", "a?b=/c//..", "a=b=c",
    "&&", "x='\"`|^{}[]\\<>",
])
def test_a_query_is_kept_byte_for_byte(hop, query):
    assert hop.seen(get("/x?" + query)).target == "/x?" + query


def test_a_very_long_query_arrives_whole(hop):
    target = "/?" + "&".join(f"p{n}={n}" for n in range(1000))
    assert hop.seen(get(target)).target == target


def test_a_fragment_marker_in_a_target_is_data_and_is_escaped(hop):
    assert hop.seen(get("/a#b")).target == "/a%23b"


@pytest.mark.parametrize("target", ["/%zz", "/%", "/%4", "/a%2", "/%%41"])
def test_a_broken_escape_in_the_path_is_refused(hop, target):
    assert hop.refusal(get(target)).status == 400


@pytest.mark.parametrize("target", ["/\x80", "/\xff", "/a\x01b", "/a\x7fb"])
def test_a_target_outside_printable_ascii_is_refused(hop, target):
    assert hop.refusal(get(target)).status == 400


@pytest.mark.parametrize("target", ["x", "x/y", "?a", "example.test", "example.test:80", "*x"])
def test_a_target_in_no_known_form_is_refused(hop, target):
    assert hop.refusal(get(target)).status == 400


def test_a_target_in_absolute_form_decides_host_and_path(hop):
    seen = hop.seen(message("GET http://x.test/p?q=1 HTTP/1.1", "Host: y.test"))
    assert seen.target == "/p?q=1"
    assert seen.fields.get_all("host") == ["x.test"]


def test_a_target_in_absolute_form_may_carry_a_port(hop):
    seen = hop.seen(message("GET HTTP://x.test:8080/p HTTP/1.1", "Host: x.test:8080"))
    assert (seen.target, seen.fields.get("host")) == ("/p", "x.test:8080")


@pytest.mark.parametrize("target, path", [
    ("http://h.test", "/"), ("http://h.test?a=b", "/?a=b"), ("http://h.test/", "/"),
])
def test_a_target_in_absolute_form_without_a_path_becomes_a_slash(hop, target, path):
    assert hop.seen(message(f"GET {target} HTTP/1.1", "Host: h.test")).target == path


@pytest.mark.parametrize("target", [
    "http://", "http:///p", "http://u:p@h.test/", "http://h.test:x/", "http://h .test/", "ftp://h/",
])
def test_a_bad_target_in_absolute_form_is_refused(hop, target):
    assert hop.refusal(message(f"GET {target} HTTP/1.1", "Host: h.test")).status == 400


def test_the_base_path_is_put_before_a_target_in_absolute_form(hop_with):
    seen = hop_with(path="/base").seen(message("GET http://h.test/p HTTP/1.1", "Host: h.test"))
    assert seen.target == "/base/p"


def test_options_with_an_asterisk_is_forwarded(hop):
    seen = hop.seen(message("OPTIONS * HTTP/1.1", "Host: h.test"))
    assert (seen.method, seen.target) == ("OPTIONS", "*")


def test_an_asterisk_with_another_method_is_refused(hop):
    assert hop.refusal(message("GET * HTTP/1.1", "Host: h.test")).status == 400


@pytest.mark.parametrize("target", ["h.test:443", "/", "http://h.test/"])
def test_connect_is_not_implemented(hop, target):
    assert hop.refusal(message(f"CONNECT {target} HTTP/1.1", "Host: h.test")).status == 501


def test_user_information_in_the_backends_url_is_refused_at_the_start():
    ended = run_onehop("-l", "127.0.0.1:0", "http://user:secret@127.0.0.1:1/")
    assert ended.returncode == 2
    assert "--header-up" in ended.stderr


def test_a_fragment_in_the_backends_url_is_ignored(hop_with):
    assert hop_with(path="/base#part").seen(get("/x")).target == "/base/x"

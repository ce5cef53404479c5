# SPDX-License-Identifier: Apache-2.0
"""The checkers in tools/, on planted mistakes and on harmless neighbours."""
import pathlib
import shutil
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def coroutine_findings(tmp_path, statement):
    source = tmp_path / "sample.cpp"
    source.write_text("task<int> f() {\n" + statement + "\n}\n")
    run = subprocess.run([TOOLS / "check_coroutines", source], capture_output=True, text=True)
    assert (run.returncode == 0) == (run.stdout == "")
    return run.stdout


@pytest.mark.parametrize("statement", [
    "co_await g(Opts{.name = s});",
    "co_await g({.n = 3});",
    "co_await g({});",
    "co_await run([s] { return 1; });",
    "co_await [s]() -> task<int> { co_return 1; }();",
    "co_return co_await f(a, [=](int) { return 1; });",
    "auto x = c ? A{} : co_await b();",
    "auto x = c ? co_await a() : co_await b();",
    "Agg a{co_await x(), y};",
    "auto p = new Agg{co_await x()};",
    "v.push_back({1, co_await x()});",
    "co_return Agg{co_await x()};",
    "co_await Awaiter{1};",
    "co_await Agg{}.method();",
    "int z = ({ co_await x(); });",
    "int z = co_await a() + co_await b();",
    "EXPECT_EQ(co_await f(), 3);",
    "auto [q, r] = co_await f();",
    "if (co_await f(Opts{1})) { go(); }",
])
def test_a_shape_that_g_plus_plus_12_breaks_is_found(tmp_path, statement):
    assert "sample.cpp:2: " in coroutine_findings(tmp_path, statement)


@pytest.mark.parametrize("statement", [
    "if (a ? b : c) { co_await g(); }",
    "Foo foo{1}; co_await g(foo);",
    "auto x = co_await g(std::move(foo));  // ? {",
    "while (co_await f(a)) { int v = c ? 1 : 2; Foo z{1}; }",
    "for (auto& i : std::vector<int>{1}) { co_await g(i); }",
    "auto named = [this, x]() -> task<void> { co_await g(); co_return; };",
    "scope.spawn([](int v) -> task<Result<int>> { co_await h(v); co_return c ? 1 : 2; }(3));",
    "switch (k) { case 1: co_await g(); break; default: co_await g(); }",
    "co_await g(\"? {\", '{', a[i]);",
    "try { co_await g(); } catch (...) { x = a ? b : c; }",
    "if (auto r = co_await f(); !r) co_return failure(c ? 1 : 2);",
    "co_await run([](int a) { return a; });",
    "co_await g(1'000, x); int y = c ? 1'0 : 2;",
])
def test_a_harmless_statement_passes(tmp_path, statement):
    assert coroutine_findings(tmp_path, statement) == ""


def floor_findings(tmp_path, files):
    (tmp_path / "tools").mkdir(parents=True)
    shutil.copy(TOOLS / "check_floors", tmp_path / "tools")
    for name, text in ({"src/base/ok.hpp": "#pragma once\n#include <cstddef>\n", **files}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = subprocess.run([tmp_path / "tools/check_floors"], capture_output=True, text=True)
    assert (run.returncode == 0) == (run.stdout == "")
    return run.stdout


@pytest.mark.parametrize("name, line, complaint", [
    ("src/base/a.cpp", '#include "io/reactor.hpp"', "src/base/a.cpp:1: base must not know io"),
    ("src/http/a.cpp", '#include "io/reactor.hpp"', "http must not know io"),
    ("src/io/a.cpp", '#include "http/date.hpp"', "io must not know http"),
    ("src/server/a.cpp", '#include "transport/retry.hpp"', "server must not know transport"),
    ("src/server/a.cpp", "#include <onehop/transport.hpp>", "server must not know transport"),
    ("src/proxy/a.cpp", '#include "net/stream.hpp"', "proxy must not know net"),
    ("src/transport/a.cpp", '#include "program/main.hpp"', "transport must not know program"),
    ("src/base/a.cpp", '#include "arena.hpp"', 'is not "floor/file.hpp"'),
    ("src/attic/a.cpp", "", "src/attic is not a floor"),
    ("include/onehop/a.hpp", '#include "base/arena.hpp"', "a public header includes only"),
    ("include/onehop/a.hpp", "#include <CLI/App.hpp>", "a public header includes only"),
    ("src/server/a.cpp", "#include <openssl/ssl.h>", "only src/net/tls_* may know openssl/"),
    ("src/net/tcp_stream.cpp", "#include <openssl/ssl.h>", "only src/net/tls_* may know openssl/"),
    ("src/net/tcp_stream.cpp", "#include <ares.h>", "only src/net/dns_channel.cpp* may know ares.h"),
    ("src/http/url.cpp", "#include <idn2.h>", "only src/http/idna.cpp* may know idn2.h"),
    ("src/http/a.cpp", "\n" * 400, "split it; the maximum is 400"),
    ("src/http/a_test.cpp", "\n" * 600, "split it; the maximum is 600"),
    ("src/http/a.hpp", "#include <string>", "src/http/a.hpp:1: a header without #pragma once"),
])
def test_an_arrow_that_points_the_wrong_way_is_found(tmp_path, name, line, complaint):
    assert complaint in floor_findings(tmp_path, {name: line + "\n"})


def test_units_that_include_each_other_in_a_circle_are_found(tmp_path):
    files = {"src/http/a.hpp": "#pragma once\n", "src/http/a.cpp": '#include "http/b.hpp"\n',
             "src/http/b.hpp": '#pragma once\n#include "http/c.hpp"\n', "src/http/c.hpp": "#pragma once\n"}
    assert floor_findings(tmp_path / "open", files) == ""
    closed = {**files, "src/http/c.cpp": '#include "http/a.hpp"\n'}
    assert floor_findings(tmp_path / "closed", closed) == "src: a circle: http/a http/b http/c\n"


def test_a_known_circle_that_is_gone_is_reported(tmp_path):
    names = "http/h2/callbacks", "http/h2/session", "http/h2/session_state", "http/h2/stream"
    files = {f"src/{name}.hpp": "#pragma once\n" for name in names}
    assert f"this circle is gone: {' '.join(names)}" in floor_findings(tmp_path, files)


@pytest.mark.parametrize("name, line", [
    ("src/wire/a.cpp", '#include "http/h1/parser.hpp"'),
    ("src/net/a.cpp", "#include <sys/socket.h>"),
    ("src/net/tls_stream.cpp", "#include <openssl/ssl.h>"),
    ("src/http/field_names.cpp", '#include "http/field_names.def"'),
    ("src/proxy/single_host.cpp", "#include <onehop/transport.hpp>"),
    ("src/program/a.cpp", '#include "transport/retry.hpp"'),
    ("include/onehop/a.hpp", "#pragma once\n#include <onehop/url.hpp>"),
    ("src/http/table.def", "\n" * 600),
    ("src/http/url_test.cpp", "\n" * 500),
])
def test_an_arrow_that_points_down_passes(tmp_path, name, line):
    assert floor_findings(tmp_path, {name: line + "\n"}) == ""


def test_transport_may_be_named_by_one_file_of_the_proxy_only(tmp_path):
    window = "#include <onehop/transport.hpp>\n"
    found = floor_findings(tmp_path, {"src/proxy/a.cpp": window, "src/proxy/b.cpp": window})
    assert "src/proxy/a.cpp:1" in found and "src/proxy/b.cpp:1" in found


def prose_findings(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    run = subprocess.run([TOOLS / "check_prose", path], capture_output=True, text=True)
    assert run.stderr == "" and (run.returncode == 0) == (run.stdout == "")
    return run.stdout


@pytest.mark.parametrize("sentence, advice", [
    ("Bytes behind the head are kept.", "'behind': after"),
    ("Nobody reads them.", "'Nobody': name the actor"),
    ("Ends whoever waits.", "'whoever': name the actor"),
    ("Returns nothing when it is closed.", "'nothing when': std::nullopt if"),
    ("This is no URL.", "'is no': is not a"),
    ("A stream in\n// clear.", "'in clear': without TLS"),
    ("It begins anew.", "'anew': again"),
    ("It is asked once more.", "'once more': again"),
    ("Octets that came.", "'Octets': byte"),
    ("It ends the answer.", "'the answer': response"),
    ("It is full. What comes is dropped.", "'. What': begin with the subject"),
    ("The stream is told of it.", "'is told': reports"),
    ("One more than the most.", "'the most': the maximum"),
    ("The limit; past it, 408.", "'past it': if exceeded"),
    ("A list. One thread.", "One thread.': a line of its own"),
    ("Thread: the owner's.", "write one of Thread: owner., Thread: any., Thread: any; constant."),
])
def test_a_phrase_that_gives_a_translation_away_is_found(tmp_path, sentence, advice):
    found = prose_findings(tmp_path, "src/a.cpp", f"int a;\n// {sentence}\n")
    assert found.startswith(f"{tmp_path}/src/a.cpp:2: ") and advice in found


@pytest.mark.parametrize("sentence", [
    "Clients behind a proxy share its address.",
    "There is no connection.",
    "It is no longer open.",
    "application/octet-stream",
    "Most of them are small; the most recent one is kept.",
    "What is a hop?",
    "Thread: owner.",
    "Thread: any; constant.",
])
def test_plain_prose_passes(tmp_path, sentence):
    assert prose_findings(tmp_path, "src/a.cpp", f"// {sentence}\nint nobody = 1;\n") == ""


def test_prose_is_checked_where_people_read_it(tmp_path):
    phrase = "somebody else reads it"
    assert ":1:" in prose_findings(tmp_path, "src/a.cpp", f'log("{phrase}");\n')
    assert ":2:" in prose_findings(tmp_path, "src/b.cpp", f'log(\n    "it ends: "\n    "{phrase}");\n')
    assert prose_findings(tmp_path, "src/a_test.cpp", f'log("{phrase}");\n') == ""
    assert prose_findings(tmp_path, "src/c.cpp", 'find("somebody");\n') == ""  # a name, not a message
    assert ":2:" in prose_findings(tmp_path, "a.py", f'def a():\n    """It ends, and {phrase}."""\n')
    assert prose_findings(tmp_path, "b.py", f'a = """It ends, and {phrase}."""\n') == ""
    assert ":1:" in prose_findings(tmp_path, "c.py", f"a = 1  # {phrase}\n")
    assert ":3:" in prose_findings(tmp_path, "a.md", f"# Title\n\nIt ends, and {phrase}.\n")
    assert prose_findings(tmp_path, "b.md", f"```sh\n{phrase}\n```\n\nThe `nobody` user.\n") == ""
    assert ":1:" in prose_findings(tmp_path, "Makefile", f"run: ## {phrase}\n")


def test_the_texts_of_the_clean_folders_pass():
    run = subprocess.run([TOOLS / "check_prose"], capture_output=True, text=True)
    assert (run.stdout, run.returncode) == ("", 0)


def comment_findings(tmp_path, text):
    header = tmp_path / "sample.hpp"
    header.write_text("// SPDX-License-Identifier: Apache-2.0\n//\n// Sample is one. Other words.\n#pragma once\n\n"
                      "namespace onehop {\n\n" + text + "\n\n}  // namespace onehop\n")
    run = subprocess.run([TOOLS / "check_comments", header], capture_output=True, text=True)
    assert (run.returncode == 0) == (run.stdout == "") and run.stderr == ""
    return run.stdout


@pytest.mark.parametrize("text, finding", [
    ("int count();", "8: count has no comment"),
    ("// Text.\n\nint count();", "10: count has no comment"),
    ("// One.\nint one();\nint two();", "10: two has no comment"),
    ("struct Other {};", "8: Other has no comment"),
    ("struct Words { int a = 0;  // one\n};", "8: Words has no comment"),
    ("// One.\nstruct One {\n  int a = f(\"// {\");\n};", "10: One::a has no comment"),
    ("// One.\nclass One {\n public:\n  explicit One(int a) : a_{a} {}\n private:\n  int a_;\n};",
     "11: One::One has no comment"),
    ("// One.\ntemplate <class T>\nclass One {\n  T a_;\n public:\n  T take() { return a_; }\n};",
     "13: One::take has no comment"),
    ("enum class Kind { a, b };", "8: Kind has no comment"),
    ("// Kinds.\nenum class Kind {\n  // Some.\n  a,\n\n  b,\n};", "13: Kind: the group of b has no comment"),
    ("template <class T>\n  requires std::movable<T> && (sizeof(T) > 1)\nT move(T value);", "8: move has no comment"),
    ("template <class T>\nconcept Good = sizeof(T) > 1;", "8: Good has no comment"),
    ("using Words = std::function<int(int, int)>;", "8: Words has no comment"),
    ("inline constexpr std::array<int, 2> kSizes{1, 2};", "8: kSizes has no comment"),
    ("// One.\nstruct One {\n  std::function<int(int)> hook = {};\n};", "10: One::hook has no comment"),
    ("// One.\nclass One {\n public:\n  // Two.\n  struct Two {\n    int three;\n  };\n};", "13: One::Two::three"),
])
def test_a_public_name_without_a_comment_is_found(tmp_path, text, finding):
    assert f"sample.hpp:{finding}" in comment_findings(tmp_path, text)


@pytest.mark.parametrize("text", [
    "// Returns the number.\nint count();",
    "int count();  // the number",
    "// Returns what is left.\nint rest();\nint rest(int more);",
    "// one() and two() return numbers.\nint one();\nint two();",
    "// The limits.\nint least = 0;\nint most = 1;",
    "class Sample {\n  int hidden();\n protected:\n  int shown();\n};",
    "class Sample {\n public:\n  Sample();\n  Sample(Sample&& other) noexcept;\n  Sample(const Sample&) = delete;\n"
    "  Sample& operator=(const Sample&) = delete;\n  ~Sample();\n  int size() const { return 1; }\n"
    "  int run() const override;\n  friend bool operator==(Sample, Sample) = default;\n};",
    "class Later;\nnamespace detail {\nint count();\n}\nnamespace {\nint mine();\n}",
    "// One.\nenum class Kind {\n  a,  // the first\n\n  b,  // the second\n};",
    "// Copies.\ntemplate <std::same_as<int> Code>\nint copy(Code code) {\n  if (code) { return '{'; }\n"
    "  return 1'000;\n}",
    "inline constexpr Sample Sample::kOne{1};\nint Sample::count() { return 1; }",
    "template <>\nstruct std::hash<Sample> {\n  int operator()(int);\n};",
])
def test_public_names_with_comments_pass(tmp_path, text):
    assert comment_findings(tmp_path, text) == ""


def test_the_public_headers_have_comments():
    run = subprocess.run([TOOLS / "check_comments"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


# --- check_names ---------------------------------------------------------------------------------

def name_findings(tmp_path, first, second, other_file="src/net/b.cpp"):
    """Checks two sources whose anonymous namespaces have these contents."""
    for path, content in (("src/net/a.cpp", first), (other_file, second)):
        source = tmp_path / path
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("namespace onehop {\nnamespace {\n" + content + "\n}  // namespace\nint f() { return 1; }\n}\n")
    run = subprocess.run([TOOLS / "check_names", tmp_path], capture_output=True, text=True)
    assert (run.returncode == 0) == (run.stdout == "")
    return run.stdout


@pytest.mark.parametrize("first, second", [
    ("int port(int a) { return a; }", "char port(int b) { return 1; }"),
    ("int port(const A& a) noexcept;", "int port(const A& other = {}) { return 1; }"),
    ("constexpr int port = 1;", "constexpr std::size_t port = std::size_t{1} << 20;"),
    ("constexpr std::array port = {1, 2};\nint x;", "constexpr std::array<int, 2> port{{{1}, {2}}};"),
    ("struct port { int a; };", "enum class port : int { a, b };"),
    ("struct port { int a; };", "int port(int a) { return a; }"),
    ("template <class T>\nclass port {};", "class port final : public A {\n  int b;\n};"),
    ("template <class T>\nconcept port = requires(T t) { t.x; };", "thread_local int port;"),
    ("int port(std::string a);", "int port(const std::string& a) { return 1; }"),
    ("int port(Upstream::State a);", "int port(State a) { return 1; }"),
    ("int port(int a, int b = 1);", "int port(int a, char c = 'c', long d = 2) { return 1; }"),
    ("[[gnu::cold]] void port(std::function<void(int, int)> f) {}", "void port(std::function<void(int, int)> g) {}"),
    ("int x() { return 1; }\n\nint port[3];", "int port[3] = {1, 2, 3};"),
])
def test_a_name_of_two_sources_is_found(tmp_path, first, second):
    assert name_findings(tmp_path, first, second).startswith("src/net/b.cpp:")
    assert "'port' is also in src/net/a.cpp:" in name_findings(tmp_path, first, second)


@pytest.mark.parametrize("first, second", [
    ("int port(int a) { return a; }", "int port(char a) { return a; }"),
    ("int port(int a) { return a; }", "int port(int a, int b) { return a; }"),
    ("int port(int a, int b = 1) { return a; }", "int port(int a, char b, int c = 1) { return a; }"),
    ("namespace fs = std::filesystem;", "namespace fs = std::filesystem;"),
    ("using A = B;\nusing std::string;", "using A = B;\nusing std::string;"),
    ("struct A { int port; int other() { return 1; } };", "struct B { int port; int other() { return 2; } };"),
    ("int a() { int port = 1; return port; }", "int b() { int port = 1; return port; }"),
    ("// int port;", 'const char* text = "int port;";'),
    ("int A::port() { return 1; }", "int B::port() { return 1; }"),
    ("static_assert(x == 1);", "static_assert(x == 1);"),
])
def test_names_that_compile_together_pass(tmp_path, first, second):
    assert name_findings(tmp_path, first, second) == ""


def test_tests_are_checked_among_themselves(tmp_path):
    both = name_findings(tmp_path, "int a;", "int port;", "src/net/b_test.cpp")
    (tmp_path / "src/net/c_test.cpp").write_text((tmp_path / "src/net/b_test.cpp").read_text())
    assert both == ""
    assert "'port' is also in" in subprocess.run([TOOLS / "check_names", tmp_path], capture_output=True, text=True).stdout


def test_each_floor_has_its_own_names(tmp_path):
    assert name_findings(tmp_path, "int port;", "int port;", "src/http/b.cpp") == ""
    assert name_findings(tmp_path, "int port;", "int port;", "src/net/b_test.cpp") == ""

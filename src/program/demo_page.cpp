// SPDX-License-Identifier: Apache-2.0
#include "program/demo_page.hpp"

#include "http/html_text.hpp"

#include <algorithm>
#include <array>

namespace onehop::program {
namespace {

constexpr std::string_view kHead = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>onehop demo</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; --ink: #1b2430; --soft: #5d6b7c; --line: #dde3ea;
          --paper: #f6f8fa; --card: #fff; --accent: #0b7a75; --mark: #e4f5f3; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e6edf3; --soft: #93a1b0; --line: #2c3643; --paper: #0f151c; --card: #171f29;
            --accent: #4fd1c5; --mark: #12312f; } }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink);
         font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
  main { max-width: 60rem; margin: 0 auto; padding: 3rem 1.25rem 4rem; }
  h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.02em; }
  h2 { font-size: 1rem; margin: 0 0 .75rem; }
  p { margin: 0 0 1rem; color: var(--soft); }
  .path { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem; margin: 1.5rem 0 2rem; }
  .path span { background: var(--card); border: 1px solid var(--line); border-radius: 999px;
               padding: .3rem .9rem; }
  .path .here { border-color: var(--accent); color: var(--accent); font-weight: 600; }
  section { background: var(--card); border: 1px solid var(--line); border-radius: 12px;
            padding: 1.25rem; margin-bottom: 1rem; overflow: hidden; }
  .grid { display: grid; gap: 1rem;
          grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
  .grid section { margin: 0; }
  code, pre, td, th, input { font: 14px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; overflow-wrap: anywhere; }
  th { font-weight: 600; width: 15rem; color: var(--soft); }
  tr + tr > * { border-top: 1px solid var(--line); }
  tr.added > * { background: var(--mark); }
  @media (max-width: 40rem) {
    main { padding-top: 2rem; }
    tr, th, td { display: block; width: auto; }
    tr > th { padding-bottom: 0; }
    tr > td { padding-top: 0; border-top: 0; } }
  pre { margin: .75rem 0 0; height: 8.5rem; overflow: auto; background: var(--paper);
        border-radius: 8px; padding: .6rem .75rem; white-space: pre-wrap; }
  button { font: inherit; border: 0; border-radius: 8px; padding: .4rem .9rem; cursor: pointer;
           background: var(--accent); color: var(--card); font-weight: 600; }
  input { width: 100%; padding: .45rem .6rem; border: 1px solid var(--line); border-radius: 8px;
          background: var(--paper); color: inherit; margin-bottom: .5rem; }
</style>
</head>
<body>
<main>
)";

constexpr std::string_view kTryIt = R"(
<div class="grid">
<section><h2>Streaming</h2><button id="stream">Start</button><pre id="stream-out"></pre></section>
<section><h2>Server-sent events</h2><button id="events">Start</button><pre id="events-out"></pre></section>
<section><h2>WebSocket echo</h2><input id="ws-in" value="hello"><button id="ws">Send</button>
<pre id="ws-out"></pre></section>
<section><h2>POST echo</h2><input id="echo-in" value="the body comes back"><button id="echo">Post</button>
<pre id="echo-out"></pre></section>
</div>
<script>
const $ = (id) => document.getElementById(id);
const say = (id, text) => { $(id).textContent += text; $(id).scrollTop = $(id).scrollHeight; };
$('stream').onclick = async () => {
  $('stream-out').textContent = '';
  const reader = (await fetch('stream')).body.pipeThrough(new TextDecoderStream()).getReader();
  for (let piece; !(piece = await reader.read()).done;) say('stream-out', piece.value);
};
let source;
$('events').onclick = () => {
  if (source) { source.close(); source = null; $('events').textContent = 'Start'; return; }
  source = new EventSource('events');
  source.onmessage = (event) => say('events-out', event.data + '\n');
  $('events').textContent = 'Stop';
};
let socket;
$('ws').onclick = () => {
  const send = () => { say('ws-out', '> ' + $('ws-in').value + '\n'); socket.send($('ws-in').value); };
  if (socket && socket.readyState === WebSocket.OPEN) return send();
  socket = new WebSocket(new URL('ws', location.href).href.replace(/^http/, 'ws'));
  socket.onopen = send;
  socket.onmessage = (event) => say('ws-out', '< ' + event.data + '\n');
  socket.onclose = () => say('ws-out', 'closed\n');
};
$('echo').onclick = async () => {
  const answer = await fetch('echo', { method: 'POST', body: $('echo-in').value });
  say('echo-out', answer.status + ' ' + await answer.text() + '\n');
};
</script>
)";

constexpr std::string_view kFoot = "</main>\n</body>\n</html>\n";

constexpr std::array<std::string_view, 4> kAddedByProxy = {
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-client-certificate-subject"};

bool is_added_by_proxy(std::string_view name) {
  return std::ranges::any_of(kAddedByProxy, [name](std::string_view added) {
    return std::ranges::equal(name, added, [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
    });
  });
}

std::string row(std::string_view name, std::string_view value) {
  const std::string_view mark = is_added_by_proxy(name) ? " class=\"added\"" : "";
  return "<tr" + std::string(mark) + "><th>" + html_escaped(name) + "</th><td>" +
         html_escaped(value) + "</td></tr>\n";
}

std::string request_line(const Request& request) {
  return std::string(request.method().text()) + " " + std::string(request.url().target());
}

}  // namespace

std::string demo_page_html(const Request& request) {
  std::string page(kHead);
  page +=
      "<h1>It works.</h1>\n"
      "<p>This page comes from a small server behind onehop and shows the request that reached "
      "it.</p>\n"
      "<div class=\"path\"><span>you</span>&rarr;<span class=\"here\">onehop</span>&rarr;"
      "<span>this backend</span></div>\n";
  page += "<section><h2><code>" + html_escaped(request_line(request)) + "</code></h2>\n<table>\n";
  for (const Field field : request.headers())
    page += row(field.name, field.value);
  page +=
      "</table>\n</section>\n<p>The marked fields were added by the proxy; nothing a client "
      "sends can forge them.</p>\n";
  page += kTryIt;
  page += kFoot;
  return page;
}

std::string demo_page_text(const Request& request) {
  std::string page = request_line(request) + "\n";
  for (const Field field : request.headers()) {
    page += std::string(field.name) + ": " + std::string(field.value) + "\n";
  }
  return page;
}

std::string demo_not_found_html(const Request& request) {
  return std::string(kHead) +
         "<h1>Nothing here</h1>\n<p>The backend responded with 404 for <code>" +
         html_escaped(request_line(request)) +
         "</code>, and onehop passed it on. <a href=\"/\">Back to the demo</a></p>\n" +
         std::string(kFoot);
}

}  // namespace onehop::program

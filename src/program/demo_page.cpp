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
  :root { color-scheme: light dark;
          --paper: #f5f6f8; --card: #fff; --ink: #171c22; --soft: #59636e; --line: #e2e6ea; --faint: #f0f2f4;
          --plot: #40586f; --ok: #12713f; --ok-fill: #12713f14; --focus: #1f6feb;
          --mono: ui-monospace, SFMono-Regular, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
  @media (prefers-color-scheme: dark) {
    :root { --paper: #0d1115; --card: #151a20; --ink: #e7ebef; --soft: #9aa5b1; --line: #262d35; --faint: #1b2128;
            --plot: #a9bfd4; --ok: #56c98d; --ok-fill: #56c98d17; --focus: #6cb0ff; } }
  * { box-sizing: border-box; }
  body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
         font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
  main { max-width: 64rem; margin: 0 auto; padding: 2.5rem clamp(12px, 3vw, 28px) 4rem; }
  h1, h2, p { margin: 0; }
  :focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 6px; }
  .brand { display: flex; align-items: center; gap: 10px; font-size: 20px; font-weight: 650; letter-spacing: -.02em; }
  .brand svg { width: 30px; height: 22px; }
  svg * { fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; } svg .full { fill: currentColor; }
  .brand a { margin-left: auto; letter-spacing: 0; white-space: nowrap; }
  h1 { font-size: clamp(28px, 5vw, 38px); line-height: 1.15; font-weight: 650; letter-spacing: -.03em; margin: 2.4rem 0 .5rem; }
  h2 { font-size: 14px; font-weight: 650; }
  p { color: var(--soft); max-width: 44rem; }
  p a { color: inherit; }
  .path { display: grid; grid-template-columns: auto minmax(24px, 1fr) auto minmax(24px, 1fr) auto; align-items: center;
          gap: clamp(6px, 1.5vw, 16px); max-width: 40rem; margin: 2rem 0; padding: 0; list-style: none; font-weight: 600; }
  .path li { text-align: center; line-height: 1.25; }
  .path small { display: block; color: var(--soft); font-weight: 400; font-size: 12px; }
  .path .here { color: var(--ok); }
  .path .hop { height: 26px; color: var(--plot); } .hop svg { width: 100%; height: 100%; display: block; overflow: visible; }
  .hop path { vector-effect: non-scaling-stroke; }
  section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin-bottom: 14px; overflow: hidden; min-width: 0; }
  .top { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; padding: 11px 16px; }
  .top p { font-size: 13px; }
  .grid { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); margin-top: 14px; }
  .grid section { margin: 0; display: flex; flex-direction: column; }
  .grid .top > :last-child { margin-left: auto; }
  code, pre, td, th, input { font: 13px/1.5 var(--mono); }
  table { width: 100%; border-collapse: collapse; }
  th, td { text-align: left; vertical-align: top; padding: 5px 16px; border-top: 1px solid var(--faint); }
  th { font-weight: 400; width: 17rem; color: var(--soft); }
  tr.added > * { background: var(--ok-fill); } tr.added > th { color: var(--ok); }
  @media (max-width: 40rem) {
    tr, th, td { display: block; width: auto; }
    tr > th { padding-bottom: 0; } tr > td { padding-top: 0; border-top: 0; }
    .path li { font-size: 13px; } }
  pre { margin: 0; height: 9rem; overflow: auto; border-top: 1px solid var(--line); padding: 10px 16px;
        white-space: pre-wrap; }
  pre:empty::before { content: attr(data-empty); color: var(--soft); font-family: system-ui, sans-serif; }
  button, .button { font: 600 13px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--card); border: 1px solid var(--line);
                    border-radius: 8px; padding: 4px 14px; cursor: pointer; text-decoration: none; }
  button:hover, .button:hover { border-color: var(--plot); }
  .button.first { background: var(--ink); color: var(--card); border-color: var(--ink); }
  input { flex: 1 1 8rem; min-width: 0; padding: 4px 10px; border: 1px solid var(--line); border-radius: 8px;
          background: var(--paper); color: inherit; }
</style>
</head>
<body>
<main>
)";

constexpr std::string_view kLogo =
    R"(<svg viewBox="0 0 30 22" aria-hidden="true"><circle class="full" cx="4" cy="17" r="2.6"/>)"
    R"(<path d="M4 17C6 2 24 2 26 17"/><circle cx="26" cy="17" r="2.6"/></svg>)";

constexpr std::string_view kPath = R"(<ul class="path">
<li>you<small>a client</small></li>
<li class="hop"><svg viewBox="0 0 100 26" preserveAspectRatio="none" aria-label="to"><path d="M2 22C25 -4 75 -4 98 22"/></svg></li>
<li class="here">onehop<small>one hop</small></li>
<li class="hop"><svg viewBox="0 0 100 26" preserveAspectRatio="none" aria-label="to"><path d="M2 22C25 -4 75 -4 98 22"/></svg></li>
<li>this backend<small>127.0.0.1</small></li>
</ul>
)";

constexpr std::string_view kTryIt = R"(
<div class="grid">
<section><div class="top"><h2>Streaming</h2><button id="stream">Start</button></div>
<pre id="stream-out" tabindex="0" aria-label="Streamed lines" data-empty="A line every 300 ms, each passed on as it arrives."></pre></section>
<section><div class="top"><h2>Server-sent events</h2><button id="events">Start</button></div>
<pre id="events-out" tabindex="0" aria-label="Events" data-empty="One event a second, on one response."></pre></section>
<section><div class="top"><h2><label for="ws-in">WebSocket echo</label></h2><input id="ws-in" value="hello"><button id="ws">Send</button></div>
<pre id="ws-out" tabindex="0" aria-label="WebSocket messages" data-empty="A tunnel: what you send comes back."></pre></section>
<section><div class="top"><h2><label for="echo-in">POST echo</label></h2><input id="echo-in" value="the body comes back"><button id="echo">Post</button></div>
<pre id="echo-out" tabindex="0" aria-label="Echoed bodies" data-empty="The response begins while the request is still arriving."></pre></section>
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

std::string brand(const std::string& dashboard) {
  std::string html = "<div class=\"brand\">" + std::string(kLogo) + "onehop demo";
  if (!dashboard.empty()) {
    html += "<a class=\"button first\" href=\"" + html_escaped(dashboard) + "\">Dashboard</a>";
  }
  return html + "</div>\n";
}

std::string request_line(const Request& request) {
  return std::string(request.method().text()) + " " + std::string(request.url().target());
}

}  // namespace

std::string demo_page_html(const Request& request, const std::string& dashboard) {
  std::string page(kHead);
  page += brand(dashboard);
  page +=
      "<h1>It works.</h1>\n"
      "<p>This page comes from a small server behind onehop and shows the request that reached "
      "it.</p>\n";
  page += kPath;
  page += "<section><div class=\"top\"><h2><code>" + html_escaped(request_line(request)) +
          "</code></h2><p>The proxy has added the marked fields; no client can forge "
          "them.</p></div>\n<table>\n";
  for (const Field field : request.headers())
    page += row(field.name, field.value);
  page += "</table>\n</section>\n";
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
  return std::string(kHead) + brand({}) +
         "<h1>Nothing here</h1>\n<p>The backend responded with 404 for <code>" +
         html_escaped(request_line(request)) +
         "</code>, and onehop passed it on. <a href=\"/\">Back to the demo</a></p>\n" +
         std::string(kFoot);
}

}  // namespace onehop::program

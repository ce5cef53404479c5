// SPDX-License-Identifier: Apache-2.0
//
// Measures the cost of one head: parsing, taking its fields, looking them up, writing it.

#include <onehop/url.hpp>

#include "base/arena.hpp"
#include "http/field_names.hpp"
#include "http/h1/chunked_decoder.hpp"
#include "http/h1/parser.hpp"
#include "http/h1/serializer.hpp"
#include "http/header_lines.hpp"
#include "http/host.hpp"
#include "http/message_framing.hpp"

#include <string>

#include <benchmark/benchmark.h>

namespace onehop {
namespace {

// A browser's request with 20 fields and 892 bytes.
std::string browser_request() {
  return "GET /assets/app/main.4f2a1c9b.js?v=1700000000&lang=en HTTP/1.1\r\n"
         "Host: www.example.com\r\n"
         "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
         "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
         "Accept-Language: en-US,en;q=0.5\r\n"
         "Accept-Encoding: gzip, deflate, br, zstd\r\n"
         "Referer: https://www.example.com/products/overview?page=2\r\n"
         "Connection: keep-alive\r\n"
         "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1; "
         "_ga=GA1.2.3.4\r\n"
         "Upgrade-Insecure-Requests: 1\r\n"
         "Sec-Fetch-Dest: document\r\n"
         "Sec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Site: same-origin\r\n"
         "Sec-Fetch-User: ?1\r\n"
         "If-None-Match: \"5f3c-62a1b2c3d4e5f\"\r\n"
         "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
         "Cache-Control: max-age=0\r\n"
         "Priority: u=0, i\r\n"
         "X-Request-ID: 7b1e2d3c-4a5f-6789-abcd-ef0123456789\r\n"
         "X-Correlation-Token: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
         "DNT: 1\r\n"
         "\r\n";
}

void set_bytes(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(size) *
                          static_cast<std::int64_t>(state.iterations()));
}

void parse(benchmark::State& state) {
  const std::string head = browser_request();
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  while (state.KeepRunning()) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(head));
  }
  set_bytes(state, head.size());
}
BENCHMARK(parse);

void parse_and_take(benchmark::State& state) {
  const std::string head = browser_request();
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  while (state.KeepRunning()) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(head));
    const Headers headers = parser.take_headers(head, Arena::create());
    benchmark::DoNotOptimize(HeaderLines(headers).begin());
  }
  set_bytes(state, head.size());
}
BENCHMARK(parse_and_take);

void parse_and_judge(benchmark::State& state) {
  const std::string head = browser_request();
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  while (state.KeepRunning()) {
    parser.reset();
    benchmark::DoNotOptimize(parser.parse(head));
    const Headers headers = parser.take_headers(head, Arena::create());
    benchmark::DoNotOptimize(Url::parse_target(parser.target()).has_value());
    benchmark::DoNotOptimize(check_host(parser.version(), headers).has_value());
    benchmark::DoNotOptimize(request_framing(parser.version(), headers).has_value());
  }
  set_bytes(state, head.size());
}
BENCHMARK(parse_and_judge);

void find_names(benchmark::State& state) {
  const std::string head = browser_request();
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  parser.parse(head);
  const Headers headers = parser.take_headers(head, Arena::create());
  while (state.KeepRunning()) {
    for (const Field field : headers)
      benchmark::DoNotOptimize(find_field(field.name));
  }
}
BENCHMARK(find_names);

void write_head(benchmark::State& state) {
  const std::string head = browser_request();
  h1::HeadParser parser(h1::HeadKind::request, h1::Limits());
  parser.parse(head);
  const Headers headers = parser.take_headers(head, Arena::create());
  const h1::HeadFraming framing;
  std::string out(h1::head_size_bound(headers, parser.target(), framing), '\0');
  while (state.KeepRunning()) {
    benchmark::DoNotOptimize(
        h1::write_request_head(out.data(), parser.method(), parser.target(), "", headers, framing));
    benchmark::ClobberMemory();
  }
  set_bytes(state, head.size());
}
BENCHMARK(write_head);

void decode_chunks(benchmark::State& state) {
  std::string body;
  for (int i = 0; i < 64; ++i)
    body.append("400\r\n").append(1024, 'x').append("\r\n");
  body += "0\r\n\r\n";
  while (state.KeepRunning()) {
    h1::ChunkedDecoder decoder(Side::upstream, h1::Limits());
    std::string_view rest = body;
    while (!rest.empty())
      rest.remove_prefix(decoder.decode(rest)->consumed);
  }
  set_bytes(state, body.size());
}
BENCHMARK(decode_chunks);

}  // namespace
}  // namespace onehop

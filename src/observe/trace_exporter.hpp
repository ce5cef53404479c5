// SPDX-License-Identifier: Apache-2.0
//
// TraceExporter sends the spans of exchanges to a collector, in the JSON form of OTLP over HTTP, on
// its own thread. No request waits for it: at most 4,096 spans and 8 MiB are queued; further spans
// are dropped and counted. A batch that did not reach the collector, or to which it responded with
// 429, 502, 503 or 504, is sent a second time.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>
#include <onehop/server.hpp>
#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace onehop::observe {

class TraceExporter {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr std::size_t kBatch = 512;            // spans; a full batch is sent at once
  static constexpr std::size_t kMaxSpans = 4096;        // that wait
  static constexpr std::size_t kMaxBytes = 8UL << 20U;  // that wait
  // The maximum per second of failed exchanges that were not sampled, since clients can provoke any
  // number.
  static constexpr std::size_t kMaxUnsampled = 10;

  struct Options {
    Url collector;  // receives POST requests; see collector_url()
    // The time between two batches that are not full.
    Duration pause = std::chrono::seconds(5);
    // The timeout of one request to the collector.
    Duration timeout = std::chrono::seconds(10);
    // The time for sending the rest at the end.
    Duration last_timeout = std::chrono::seconds(1);
    // The wait before a second try. The collector may ask for another one, up to `longest_wait`.
    Duration retry_wait = std::chrono::seconds(1);
    Duration longest_wait = std::chrono::seconds(30);
    TlsClientOptions tls = {};
    // Called on the exporter's thread when export fails, when it works again, and when spans are
    // dropped.
    std::function<void(LogLevel, std::string_view)> report = {};
  };

  struct Statistics {
    std::uint64_t exported = 0;  // spans that the collector has accepted
    std::uint64_t dropped = 0;   // spans that it has not accepted, or that found no room
  };

  // Starts the thread. Returns Errc::bad_option if TLS needs a file that cannot be used.
  static Result<std::unique_ptr<TraceExporter>> start(Options options);
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;
  ~TraceExporter();  // finish()

  // Queues the spans of an exchange that has a trace, if it was sampled or has failed. Of failed
  // exchanges that were not sampled, queues at most kMaxUnsampled a second.
  void record(const ExchangeRecord& exchange) noexcept;
  // Sends the queued spans within Options::last_timeout. Spans recorded later are dropped.
  void finish() noexcept;
  Statistics statistics() const noexcept;

 private:
  class Sender;
  explicit TraceExporter(std::unique_ptr<Sender> sender);

  std::unique_ptr<Sender> sender_;
};

// Parses the URL of a collector. A URL without a path gets "/v1/traces". Returns Errc::bad_url
// unless it is http:// or https:// with a host.
Result<Url> collector_url(std::string_view text);

}  // namespace onehop::observe

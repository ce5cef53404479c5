// SPDX-License-Identifier: Apache-2.0
#include "observe/limit_hits.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>

namespace onehop::observe {
namespace {

struct Limit {
  std::string_view name;  // the setting
  std::string_view effect;
};

struct OfReason {
  std::string_view reason;
  Limit limit;
};
constexpr std::array kOfReasons = {
    OfReason{"request_line_too_long", {"--max-request-line", "requests refused with 414"}},
    OfReason{"head_too_large",
             {"--max-header-bytes, --max-header-fields", "requests refused with 431"}},
    OfReason{"body_too_large", {"--max-body", "requests refused with 413"}},
    OfReason{"too_many_requests", {"--max-requests-per-client", "requests refused with 429"}},
    OfReason{"response_head_too_large",
             {"--max-response-header-bytes", "responses replaced by 502"}},
    OfReason{"no_connection_slot",
             {"--max-connections", "requests refused with 503 after --queue-timeout"}},
    OfReason{"too_many_open_files",
             {"open files (ulimit -n)", "requests refused with 503 after --queue-timeout"}},
    OfReason{"overloaded", {"--max-memory", "requests refused with 503"}},
};

// Indexed by Refusal.
constexpr std::array<Limit, kRefusals> kOfRefusals = {
    {{"--max-connections-per-client", "connections closed"},
     {"--max-client-connections", "accepting paused"},
     {"--max-memory", "accepting paused"},
     {"open files (ulimit -n)", "accepting paused"},
     {"--proxy-protocol", "connections closed for want of a valid header"}}};

class Hits {
 public:
  explicit Hits(const TwoClocks& now) : now_(now) {}

  void add(const Limit& limit, std::uint64_t count, Time last) {
    constexpr std::chrono::hours kSpan(1);
    if (count == 0 || last + kSpan < now_.steady) return;
    hits_.push_back({.name = std::string(limit.name),
                     .what = std::string(limit.effect),
                     .hits = count,
                     .last = now_.wall_time(last)});
  }
  std::vector<Overview::LimitHit> take() {
    std::ranges::sort(hits_, std::ranges::greater(), [](const Overview::LimitHit& hit) {
      return std::tuple(hit.last, std::string_view(hit.name));
    });
    return std::move(hits_);
  }

 private:
  TwoClocks now_;
  std::vector<Overview::LimitHit> hits_;
};

}  // namespace

std::vector<Overview::LimitHit> limit_hits(const RequestTotals& totals,
                                           const ServerMetrics& server,
                                           const TwoClocks& now) {
  Hits hits(now);
  for (const auto& [reason, count, last] : totals.last_failures) {
    const auto known = std::ranges::find(kOfReasons, reason, &OfReason::reason);
    if (known != kOfReasons.end()) hits.add(known->limit, count, last);
  }
  for (std::size_t i = 0; i < kRefusals; ++i)
    hits.add(kOfRefusals[i], server.refusals_total[i], server.last_refusals[i]);
  hits.add({"--max-streams", "requests of HTTP/2 refused"}, server.http2.over_max_streams_total,
           server.http2.last_over_max_streams);
  return hits.take();
}

}  // namespace onehop::observe

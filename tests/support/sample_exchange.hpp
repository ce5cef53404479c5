// SPDX-License-Identifier: Apache-2.0
//
// sample_exchange() returns the record of a successful exchange, for tests of logs and metrics.
// kStart and kNow are times of either clock.
// Thread: any.
#pragma once

#include <onehop/exchange_record.hpp>

#include <chrono>

namespace onehop::test {

inline constexpr Time kStart{std::chrono::hours(1)};
inline const std::chrono::system_clock::time_point kNow =
    std::chrono::system_clock::from_time_t(1'000'000'000) + std::chrono::milliseconds(7);

// 12.345 ms: 0.010 for the head, 0.010 to get a connection, 0.030 to send, 1 to wait, and the rest.
inline ExchangeRecord sample_exchange() {
  using std::chrono::microseconds;
  ExchangeRecord exchange;
  exchange.target = "/x?y=1";
  exchange.host = "a.example";
  exchange.client = exchange.peer = "10.0.0.7";
  exchange.user_agent = "curl/8";
  exchange.status = 200;
  exchange.response_body = 37;
  exchange.upstream = "127.0.0.1:8000";
  exchange.attempts = 1;
  exchange.reused = true;
  exchange.began = Time(std::chrono::seconds(5));
  exchange.head_received = exchange.began + microseconds(10);
  exchange.upstream_chosen = exchange.began + microseconds(20);
  exchange.request_sent = exchange.began + microseconds(50);
  exchange.response_began = exchange.began + microseconds(1050);
  exchange.ended = exchange.began + microseconds(12345);
  return exchange;
}

}  // namespace onehop::test

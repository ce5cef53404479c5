// SPDX-License-Identifier: Apache-2.0
#include "observe/overview_history.hpp"

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace onehop::observe {
namespace {

Overview at_second(int second) {
  Overview overview;
  overview.monotonic = std::chrono::seconds(second);
  overview.totals.requests = static_cast<std::uint64_t>(second) * 10;
  overview.totals.request_body_bytes = 3;
  overview.totals.tunnel_bytes_in = 4;
  overview.duration = {.bounds = {0.1, 1}, .counts = {1, 2, 3}};
  return overview;
}

TEST(OverviewHistory, KeepsFiveMinutes) {
  OverviewHistory history;
  for (int second = 1; second <= 7200; ++second)
    history.add(at_second(second));
  const auto document = nlohmann::json::parse(history.json());
  EXPECT_EQ(document.at("bounds"), nlohmann::json({0.1, 1}));
  EXPECT_EQ(document.at("samples").size(), OverviewHistory::kMaxSamples);
  EXPECT_EQ(document.at("samples").back(),
            nlohmann::json({7200.0, 72000, 0, 0, 0, 7, 0, {1, 2, 3}}));
  EXPECT_EQ(document.at("samples").front().at(0), 6900.0);
}

TEST(OverviewHistory, ForgetsOldSamplesAfterAPause) {
  OverviewHistory history;
  history.add(at_second(1));
  history.add(at_second(1000));
  EXPECT_EQ(nlohmann::json::parse(history.json()).at("samples").size(), 1U);
}

}  // namespace
}  // namespace onehop::observe

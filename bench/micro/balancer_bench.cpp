// SPDX-License-Identifier: Apache-2.0
//
// Measures how long one request takes to choose its endpoint, by policy and number of endpoints.

#include <onehop/upstream.hpp>

#include "upstream/balancer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace onehop::upstream {
namespace {

// Endpoints of different weights, each with some requests in progress.
std::vector<Member> members(std::size_t count) {
  std::vector<Member> all;
  for (std::size_t i = 0; i < count; ++i) {
    const Upstream::Endpoint named("http://10.0.0.1:" + std::to_string(8000 + i));
    auto endpoint = std::make_shared<Endpoint>(named);
    endpoint->load.requests = static_cast<std::uint32_t>(i * 7 % 5);
    all.push_back({.endpoint = std::move(endpoint), .weight = 1.0 + static_cast<double>(i % 2)});
  }
  return all;
}

void choose(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const auto balance = static_cast<Balance>(state.range(1));
  const std::vector<Member> all = members(count);
  Balancer balancer(all, balance, std::chrono::seconds(10), 1);
  Wanted wanted{.now = Time() + std::chrono::hours(1), .is_repeatable = true};
  while (state.KeepRunning()) {
    wanted.now += std::chrono::microseconds(10);
    wanted.key += 0x9e3779b97f4a7c15;
    benchmark::DoNotOptimize(balancer.choose(wanted));
  }
}
BENCHMARK(choose)
    ->ArgNames({"endpoints", "balance"})  // least, round-robin, random, first, hash
    ->ArgsProduct({{3, 32, 500}, {0, 1, 2, 3, 4}});

}  // namespace
}  // namespace onehop::upstream

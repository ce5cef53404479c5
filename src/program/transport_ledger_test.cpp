// SPDX-License-Identifier: Apache-2.0
#include "program/transport_ledger.hpp"

#include <onehop/request.hpp>

#include "io/reactor.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace onehop::program {
namespace {

class TransportLedgerTest : public ::testing::Test {
 protected:
  std::shared_ptr<Transport> make(const std::string& upstream) {
    return TransportLedger::make(ledger_, upstream, {});
  }
  // Tries to connect to a port without a listener.
  static void fail(const Transport& transport) {
    io::Reactor reactor;
    const io::Reactor::Enter enter(reactor);
    auto work = transport.round_trip(Request(Method::get, *Url::parse("http://127.0.0.1:1/")));
    work.start();
    while (!work.done())
      reactor.run_once(std::chrono::milliseconds(100));
    EXPECT_FALSE(work.take());
  }
  std::uint64_t failed(std::string_view upstream) const {
    const observe::UpstreamStatistics all = ledger_->statistics();
    const auto found = all.find(upstream);
    return found == all.end() ? 0 : found->second.dials_failed;
  }

  const std::shared_ptr<TransportLedger> ledger_ = std::make_shared<TransportLedger>();
};

TEST_F(TransportLedgerTest, CountsByUpstreamIncludingFormerTransports) {
  auto api = make("api");
  const auto web = make("web");
  fail(*api);
  const std::uint64_t one = failed("api");
  EXPECT_GT(one, 0U);
  EXPECT_EQ(failed("web"), 0U);
  api = make("api");
  EXPECT_EQ(failed("api"), one);
  fail(*api);
  EXPECT_EQ(failed("api"), 2 * one);
}

TEST_F(TransportLedgerTest, BoundsTheUpstreamsAcrossReloadsAndLosesNothing) {
  const auto kept = make("kept");
  fail(*kept);
  const std::uint64_t one = failed("kept");
  fail(*make("first"));
  for (std::size_t i = 0; i < 2 * TransportLedger::kMaxFormer; ++i)
    make(std::to_string(i));
  EXPECT_EQ(ledger_->statistics().size(), TransportLedger::kMaxFormer + 2);
  EXPECT_EQ(failed("first"), 0U);
  EXPECT_EQ(failed("other"), one);
  EXPECT_EQ(failed("kept"), one);
  EXPECT_EQ(observe::sum_of(ledger_->statistics()).dials_failed, 2 * one);
}

}  // namespace
}  // namespace onehop::program

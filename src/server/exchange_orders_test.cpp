// SPDX-License-Identifier: Apache-2.0
//
// Runs many exchanges of one client connection in random orders of their states: interim responses
// that the client does not read, an incomplete upload, a final response before the end of the
// request, a full socket, a client that leaves, and tasks that continue to read. A seed determines
// everything.
#include <onehop/scope.hpp>

#include "net/memory_stream.hpp"
#include "server/worker.hpp"
#include "support/h1_message.hpp"
#include "support/h2_frames.hpp"
#include "support/h2_peer.hpp"
#include "support/messages.hpp"
#include "support/stream_pair.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace onehop::server {
namespace {

using namespace std::chrono_literals;

class Dice {
 public:
  explicit Dice(unsigned seed) : generator_(seed) {}
  unsigned below(unsigned end) { return static_cast<unsigned>(generator_() % end); }
  bool one_in(unsigned many) { return below(many) == 0; }

 private:
  std::minstd_rand generator_;
};

// Returns the content of a complete response: `size` times one letter, which identifies the
// request.
std::string content_for(unsigned id, std::size_t size) {
  return std::string(size, static_cast<char>('a' + id % 26));
}

// Sends pieces with pauses, and sometimes stops before the end.
class Slowly final : public BodySource {
 public:
  Slowly(unsigned id, std::size_t size, bool knows_length, unsigned seed)
      : dice_(seed), content_(content_for(id, size)), knows_length_(knows_length) {}

  task<Result<bytes>> read() override {
    if (dice_.one_in(4)) co_await sleep_for(std::chrono::milliseconds(dice_.below(3000)));
    if (dice_.one_in(60)) co_return failure(Errc::truncated, Side::upstream);
    const std::size_t size = std::min<std::size_t>(1 + dice_.below(9000), content_.size() - at_);
    const bytes piece = bytes(content_).substr(at_, size);
    at_ += size;
    co_return piece;
  }
  std::optional<std::uint64_t> length() const override {
    return knows_length_ ? std::optional<std::uint64_t>(content_.size()) : std::nullopt;
  }

 private:
  Dice dice_;
  std::string content_;
  std::size_t at_ = 0;
  bool knows_length_;
};

// Tasks that continue after their handlers have ended.
using Keeper = std::vector<std::unique_ptr<Scope>>;

task<void> read_to_the_end(Body body, unsigned seed) {
  Dice dice(seed);
  for (;;) {
    if (dice.one_in(3)) co_await sleep_for(std::chrono::milliseconds(dice.below(2000)));
    auto piece = co_await body.read();
    if (!piece || piece->empty()) co_return;
    if (dice.one_in(20)) co_return;
  }
}

Body random_body(unsigned id, Dice& dice) {
  constexpr std::size_t kSizes[] = {0, 5, 2000, 40'000, 200'000};
  const std::size_t size = kSizes[dice.below(5)];
  if (dice.one_in(2)) return Body::of(content_for(id, size));
  return Body::from(std::make_unique<Slowly>(id, size, dice.one_in(2), dice.below(1'000'000)));
}

task<Response> handle(Request request, Keeper& keeper) {
  const unsigned id =
      static_cast<unsigned>(std::stoul(std::string(request.url().path().substr(1))));
  Dice dice(id * 7919 + 1);
  Scope while_handled;
  Body body = std::move(request.body());
  const Response hints(Status::early_hints, Headers({{"Link", std::string(500, 'l')}}));
  for (unsigned steps = dice.below(6); steps > 0; --steps) {
    switch (dice.below(8)) {
      case 0:
      case 6:
        for (unsigned many = dice.below(80); many > 0; --many)
          request.send_informational(hints);
        break;
      case 1:
        co_await sleep_for(std::chrono::milliseconds(dice.below(2000)));
        break;
      case 2:
        if (!body.is_empty()) co_await body.read();
        break;
      case 3:
        while_handled.spawn(read_to_the_end(std::move(body), dice.below(1000)));
        break;
      case 4:
      case 7:
        keeper.push_back(std::make_unique<Scope>());
        keeper.back()->spawn(read_to_the_end(std::move(body), dice.below(1000)));
        break;
      default:
        if (dice.one_in(10)) throw std::runtime_error("a handler that fails");
        if (dice.one_in(10)) body = Body();
    }
  }
  if (dice.one_in(3)) co_await while_handled.join();
  Response response(Status::ok, Headers(), random_body(id, dice));
  response.headers().set("X-Id", std::to_string(id));
  co_return response;
}

class ExchangeOrders : public ::testing::TestWithParam<bool> {
 protected:
  ExchangeOrders() : enter_(reactor_), common_(std::make_shared<ServerShared>()) {
    common_->admission.set_max_connections(100);
    *common_->settings.options = exchanges_.options();
    worker_ = std::make_unique<Worker>(reactor_, common_, make_handler([this](Request request) {
                                         return handle(std::move(request), keeper_);
                                       }));
  }
  ~ExchangeOrders() override {
    // The kept tasks outlive the connections. Some outlive the server.
    Keeper().swap(keeper_);
  }

  void settle() {
    while (reactor_.run_once(io::Duration::zero())) {
    }
  }
  void advance(io::Duration duration) {
    const net::Time end = reactor_.now() + duration;
    settle();
    while (reactor_.now() < end) {
      const auto next = reactor_.timers().next();
      reactor_.set_time(next && *next < end ? *next : end);
      settle();
    }
  }
  test::FarEnd connect(std::size_t capacity) {
    auto [near, far] = net::make_memory_pair(reactor_, capacity);
    const AcceptedFrom origin(*net::Address::from_ip("192.0.2.1", 5), "s:80");
    worker_->adopt(std::move(far), origin, false);
    settle();
    return test::FarEnd(std::move(near));
  }

  void run_h1(unsigned seed);
  void run_h2(unsigned seed);

  test::ExchangeLog exchanges_;
  io::Reactor reactor_{io::Reactor::Clock::manual};
  io::Reactor::Enter enter_;
  Keeper keeper_;
  std::shared_ptr<ServerShared> common_;
  std::unique_ptr<Worker> worker_;
  std::size_t answered_ = 0;  // complete responses with a 200
};

// Returns a request and its content, with random framing.
std::string random_request(unsigned id, Dice& dice) {
  std::string head = "POST /" + std::to_string(id) + " HTTP/1.1\r\nHost: h\r\n";
  if (dice.one_in(3)) return "GET" + head.substr(4) + "\r\n";
  if (dice.one_in(3)) head += "Expect: 100-continue\r\n";
  const std::size_t size = dice.below(3) * dice.below(20'000);
  if (dice.one_in(2)) {
    return head + "Content-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'u');
  }
  head += "Transfer-Encoding: chunked\r\n\r\n";
  for (std::size_t left = size; left > 0;) {
    const std::size_t piece = std::min<std::size_t>(left, 1 + dice.below(5000));
    char line[16];
    std::snprintf(line, sizeof line, "%zx\r\n", piece);
    head += line + std::string(piece, 'u') + "\r\n";
    left -= piece;
  }
  return head + "0\r\n\r\n";
}

void ExchangeOrders::run_h1(unsigned seed) {
  const std::size_t before = exchanges_.size();
  Dice dice(seed);
  constexpr std::size_t kCapacities[] = {100, 5000, 65'536};
  test::FarEnd client = connect(kCapacities[dice.below(3)]);
  std::string unsent;
  std::string received;
  std::vector<std::pair<unsigned, std::string>> asked;  // IDs and methods
  for (unsigned steps = 40; steps > 0; --steps) {
    switch (dice.below(5)) {
      case 0:
        if (asked.size() < 8) {
          const unsigned id = seed * 100 + static_cast<unsigned>(asked.size());
          const std::string request = random_request(id, dice);
          asked.emplace_back(id, request.substr(0, request.find(' ')));
          unsent += request;
        }
        break;
      case 1:
        unsent.erase(0, client.send(std::string_view(unsent).substr(0, 1 + dice.below(30'000))));
        break;
      case 2:
        received += client.receive(1 + dice.below(50'000));
        break;
      case 3:
        advance(std::chrono::milliseconds(dice.below(2000)));
        break;
      default:
        if (dice.one_in(20)) advance(std::chrono::seconds(dice.below(90)));
        if (dice.one_in(40)) client.close_write();
    }
    settle();
  }
  if (dice.one_in(2)) {  // reads and sends what is left
    for (int i = 0; i < 200; ++i) {
      received += client.receive();
      settle();
      if (!unsent.empty()) unsent.erase(0, client.send(unsent));
      advance(500ms);
    }
  }
  received += client.receive();
  const bool ended = client.ending() == "end";
  // Each complete response has its whole content, in the order of the requests.
  std::size_t at = 0;
  for (const auto& [id, method] : asked) {
    const auto response =
        test::read_h1_response(std::string_view(received).substr(at), method, ended);
    ASSERT_NE(response.state, test::H1Message::State::malformed) << seed;
    if (!response.is_whole()) break;
    at += response.size;
    if (response.status != 200) continue;
    EXPECT_EQ(test::value_of(response.fields, "x-id"), std::to_string(id)) << seed;
    EXPECT_EQ(response.body, content_for(id, response.body.size())) << seed;
    ++answered_;
  }
  if (dice.one_in(2)) {
    client.reset();
  } else {
    client.close();
  }
  advance(200s);
  EXPECT_EQ(common_->admission.connections(), 0u) << seed;
  EXPECT_LE(exchanges_.size() - before, asked.size() + 1) << seed;
}

void ExchangeOrders::run_h2(unsigned seed) {
  using h2_frames::frame;
  Dice dice(seed);
  constexpr std::size_t kCapacities[] = {1000, 65'536};
  test::FarEnd client = connect(kCapacities[dice.below(2)]);
  std::string unsent = std::string(h2_frames::kPreface) + frame(h2_frames::settings, 0, 0);
  test::H2Peer peer;
  std::vector<std::uint32_t> open;
  std::vector<unsigned> asked;
  const auto read = [&](std::size_t max) {
    peer.take(client.receive(max));
    unsent += peer.replies();
  };
  for (unsigned steps = 60; steps > 0; --steps) {
    switch (dice.below(6)) {
      case 0:
        if (asked.size() < 12) {
          const unsigned id = seed * 100 + static_cast<unsigned>(asked.size());
          const auto stream = static_cast<std::uint32_t>(2 * asked.size() + 1);
          asked.push_back(id);
          const bool has_content = !dice.one_in(3);
          const std::string path = "/" + std::to_string(id);
          int flags = h2_frames::kEndHeaders;
          if (!has_content) flags |= h2_frames::kEndStream;
          unsent += frame(h2_frames::headers, static_cast<std::uint8_t>(flags), stream,
                          h2_frames::block({{":method", has_content ? "POST" : "GET"},
                                            {":scheme", "http"},
                                            {":path", path},
                                            {":authority", "h"}}));
          if (has_content) open.push_back(stream);
        }
        break;
      case 1:
        if (!open.empty()) {
          const std::size_t which = dice.below(static_cast<unsigned>(open.size()));
          const bool end = dice.one_in(3);
          unsent += frame(h2_frames::data, end ? h2_frames::kEndStream : std::uint8_t{0},
                          open[which], std::string(dice.below(1000), 'u'));
          if (end) open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
        }
        break;
      case 2:
        unsent.erase(0, client.send(std::string_view(unsent).substr(0, 1 + dice.below(20'000))));
        break;
      case 3:
        read(1 + dice.below(50'000));
        break;
      case 4:
        advance(std::chrono::milliseconds(dice.below(2000)));
        break;
      default:
        if (!asked.empty() && dice.one_in(3)) {
          const auto stream =
              static_cast<std::uint32_t>(2 * dice.below(static_cast<unsigned>(asked.size())) + 1);
          unsent += frame(h2_frames::rst_stream, 0, stream, h2_frames::number(8, 4));
          std::erase(open, stream);
        }
        if (dice.one_in(20)) advance(std::chrono::seconds(dice.below(90)));
    }
    settle();
  }
  if (dice.one_in(2)) {
    for (int i = 0; i < 200; ++i) {
      read(std::string::npos);
      settle();
      if (!unsent.empty()) unsent.erase(0, client.send(unsent));
      advance(500ms);
    }
  }
  for (auto& [stream, message] : peer.streams()) {
    if (!message.has_head || stream == 0) continue;
    const unsigned id = asked.at(stream / 2);
    if (test::value_of(message.head, ":status") != "200") continue;
    EXPECT_EQ(test::value_of(message.head, "x-id"), std::to_string(id)) << seed;
    EXPECT_EQ(message.body, content_for(id, message.body.size())) << seed;
    if (message.ended) ++answered_;
  }
  client.reset();
  advance(200s);
  EXPECT_EQ(common_->admission.connections(), 0u) << seed;
}

TEST_P(ExchangeOrders, EndWithoutAFault) {
  for (unsigned seed = 1; seed <= 500; ++seed) {
    if (GetParam()) {
      run_h2(seed);
    } else {
      run_h1(seed);
    }
    if (HasFatalFailure()) break;
    // Some tasks continue to read while the next connection is open.
    if (seed % 3 == 0) keeper_.clear();
  }
  EXPECT_GT(answered_, 200u) << "a server that loses every response would have no fault otherwise";
}

INSTANTIATE_TEST_SUITE_P(All, ExchangeOrders, ::testing::Bool(), [](const auto& tested) {
  return tested.param ? "OverHttp2" : "OverHttp1";
});

}  // namespace
}  // namespace onehop::server

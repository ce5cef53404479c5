// SPDX-License-Identifier: Apache-2.0
//
// Server::Options::max_body and Route::max_body over both versions of HTTP, with and without a
// length in the head: content of exactly the limit is accepted, and one byte more is refused.
#include <onehop/routes.hpp>

#include "http/error_status.hpp"
#include "support/asking_client.hpp"
#include "support/served.hpp"

#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

namespace onehop {
namespace {

using test::AskingClient;
using test::Protocol;
using test::Question;

constexpr std::size_t kMax = 40'000;

struct Framing {
  const char* name;
  Protocol protocol;
  Question::Kind kind;
  bool is_of_route = false;
};

void PrintTo(const Framing& framing, std::ostream* out) {
  *out << framing.name;
}

class ServedContentLimit : public test::Served, public ::testing::WithParamInterface<Framing> {
 protected:
  ServedContentLimit() {
    Server::Options options;
    auto handler = make_handler([](Request request) -> task<Response> {
      auto content = co_await request.body().read_all(2 * kMax);
      if (!content) co_return Response(status_for(content.error()), "refused");
      co_return Response(Status::ok, std::to_string(content->size()));
    });
    if (GetParam().is_of_route) {
      options.max_body = kMax + 1000;
      handler = make_handler(Routes({{.to = std::move(handler), .max_body = kMax}}));
    } else {
      options.max_body = kMax;
    }
    network_.serve("s:80", std::move(handler), exchanges_.watch(std::move(options)));
  }
  test::Received answer_to(std::size_t size) {
    client_ = AskingClient::make(GetParam().protocol, network_.connect("s:80"));
    Question question{"POST", "POST", size, GetParam().kind};
    client_->ask(question, "id");
    test::Received received = client_->answer();
    // Windows may have to open before the rest of the content is sent.
    if (received.end == test::Received::End::open) received = client_->answer();
    return received;
  }

  std::unique_ptr<AskingClient> client_;
};

TEST_P(ServedContentLimit, AcceptsContentUpToTheLimit) {
  for (const std::size_t size : {std::size_t{1}, kMax - 1, kMax}) {
    const test::Received received = answer_to(size);
    ASSERT_TRUE(received.is_whole()) << describe(received);
    EXPECT_EQ(received.status, 200) << size;
    EXPECT_EQ(received.body, std::to_string(size));
    EXPECT_EQ(exchanges_.last().request_body, size);
    EXPECT_FALSE(exchanges_.last().failure);
    EXPECT_TRUE(client_->goes_on());
  }
}

TEST_P(ServedContentLimit, RejectsContentPastTheLimit) {
  for (const std::size_t size : {kMax + 1, kMax + 20'000}) {
    const test::Received received = answer_to(size);
    ASSERT_TRUE(received.is_whole()) << describe(received);
    EXPECT_EQ(received.status, 413) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(
    All,
    ServedContentLimit,
    ::testing::Values(Framing{"H1WithALength", Protocol::h1, Question::Kind::plain},
                      Framing{"H1Chunked", Protocol::h1, Question::Kind::chunked},
                      Framing{"H2WithALength", Protocol::h2, Question::Kind::plain},
                      // With trailers, and without a length in the head.
                      Framing{"H2WithoutALength", Protocol::h2, Question::Kind::chunked},
                      Framing{"H1OfARouteWithALength", Protocol::h1, Question::Kind::plain, true},
                      Framing{"H1OfARouteChunked", Protocol::h1, Question::Kind::chunked, true},
                      Framing{"H2OfARouteWithALength", Protocol::h2, Question::Kind::plain, true},
                      Framing{"H2OfARouteWithoutALength", Protocol::h2, Question::Kind::chunked,
                              true}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace onehop

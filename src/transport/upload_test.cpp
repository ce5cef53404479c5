// SPDX-License-Identifier: Apache-2.0
#include "transport/upload.hpp"

#include "base/poll.hpp"
#include "io/event.hpp"
#include "support/stream_pair.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace onehop::transport {
namespace {

using namespace std::chrono_literals;
using State = Upload::State;

// Sends when the test decides.
struct Sender {
  task<Result<void>> send_rest() {
    co_await released.wait();
    if (throws) throw std::runtime_error("the source is broken");
    co_return outcome;
  }
  explicit Sender(io::Reactor& reactor) : released(reactor) {}
  io::Event released;
  Result<void> outcome;
  bool throws = false;
};

class UploadTest : public test::StreamPair, private Upload::Owner {
 protected:
  UploadTest() : sender_(reactor_), upload_(*this, options_, reactor_.now()) {}

  void take(Headers headers = {}, HeldString* copy = nullptr) {
    Request request(Method::post, Url::parse("http://a/").value(), std::move(headers),
                    Body::of("content"));
    upload_.take(request, copy);
    upload_.await_continue(request);
  }
  // Begins to send; `at_once` is the result, or std::nullopt to wait for the rest.
  void begin(Poll<void> at_once) {
    upload_.begin(sender_, reactor_, [&](Body&, wire::BodyProgress& progress) {
      progress.record("con", reactor_.now());
      return at_once;
    });
  }
  void end(Result<void> outcome) {
    sender_.outcome = std::move(outcome);
    sender_.released.set();
    settle();
  }

  bool is_answered() const noexcept override { return answered_; }
  bool has_left() const noexcept override { return has_left_; }
  bool is_left_to_response(const Error& error) const noexcept override {
    return error.side() == Side::upstream;
  }
  void on_upload_failed() noexcept override { ++failures_; }

  Transport::Options options_;
  Sender sender_;
  bool answered_ = false;
  bool has_left_ = true;
  int failures_ = 0;
  Upload upload_;
};

TEST_F(UploadTest, WithoutContentNothingIsSent) {
  EXPECT_EQ(upload_.state(), State::none);
  EXPECT_FALSE(upload_.has_content());
  EXPECT_TRUE(upload_.is_whole());
}

TEST_F(UploadTest, IsSentAtOnceOrAfterAWait) {
  take();
  EXPECT_EQ(upload_.state(), State::none);
  begin(std::nullopt);
  EXPECT_EQ(upload_.state(), State::sending);
  EXPECT_FALSE(upload_.is_whole());
  end({});
  EXPECT_EQ(upload_.state(), State::sent);
  EXPECT_TRUE(upload_.is_whole());
  EXPECT_EQ(failures_, 0);
}

TEST_F(UploadTest, WaitsForContinueNoLongerThanTheOptionsAllow) {
  options_.expect_continue_timeout = 1s;
  take(Headers({{"Expect", "100-continue"}}));
  EXPECT_EQ(upload_.state(), State::awaiting_continue);
  EXPECT_EQ(upload_.wait_deadline(reactor_.now()), reactor_.now() + 1s);
  EXPECT_EQ(upload_.response_deadline(reactor_.now()), io::kNever);
  begin(Result<void>());
  EXPECT_EQ(upload_.state(), State::sent);
}

// Regression: the time began with the last piece, while the upstream still received it.
TEST_F(UploadTest, TheResponseIsDueAfterTheLastByteHasLeft) {
  options_.response_timeout = 10s;
  take();
  begin(std::nullopt);
  advance(9s);
  EXPECT_EQ(upload_.response_deadline(reactor_.now()), reactor_.now() + 10s);
  has_left_ = false;
  end({});
  advance(9s);
  EXPECT_EQ(upload_.response_deadline(reactor_.now()), reactor_.now() + 10s);
  has_left_ = true;
  upload_.on_left(reactor_.now());
  advance(9s);
  EXPECT_EQ(upload_.response_deadline(reactor_.now()), reactor_.now() + 1s);
}

TEST_F(UploadTest, DoesNotWaitForContinueWithATimeoutOfZero) {
  options_.expect_continue_timeout = 0s;
  take(Headers({{"Expect", "100-continue"}}));
  EXPECT_EQ(upload_.state(), State::none);
}

TEST_F(UploadTest, IsUnwantedAfterTheUpstreamCloses) {
  take();
  begin(std::nullopt);
  end(failure(Errc::closed, Side::upstream));
  EXPECT_EQ(upload_.state(), State::unwanted);
  EXPECT_FALSE(upload_.failure_of_source());
  EXPECT_EQ(failures_, 0);
}

TEST_F(UploadTest, AFailureOfTheSourceIsReported) {
  take();
  begin(std::nullopt);
  end(failure(Errc::closed, Side::client));
  EXPECT_EQ(upload_.state(), State::failed);
  ASSERT_TRUE(upload_.failure_of_source());
  EXPECT_EQ(upload_.failure_of_source()->phase(), Phase::send);
  EXPECT_EQ(failures_, 1);
  EXPECT_FALSE(upload_.take_back({})) << "it has no rest";
}

TEST_F(UploadTest, AnExceptionOfTheSourceIsAFailure) {
  take();
  begin(std::nullopt);
  sender_.throws = true;
  end({});
  EXPECT_EQ(upload_.state(), State::failed);
  EXPECT_EQ(failures_, 1);
}

TEST_F(UploadTest, AnExceptionOfTheSourceAtTheBeginningIsAFailure) {
  take();
  upload_.begin(sender_, reactor_, [](Body&, wire::BodyProgress&) -> Poll<void> {
    throw std::runtime_error("the source is broken");
  });
  EXPECT_EQ(upload_.state(), State::failed);
  EXPECT_TRUE(upload_.failure_of_source()->is(Errc::handler_failed));
}

TEST_F(UploadTest, IsDroppedWhenItFailsAfterAResponse) {
  take();
  begin(std::nullopt);
  answered_ = true;
  end(failure(Errc::closed, Side::upstream));
  EXPECT_FALSE(upload_.has_content());
}

// Until then the server keeps the exchange, which sends the content.
TEST_F(UploadTest, IsDroppedOnceItIsSentAfterAResponse) {
  take();
  begin(std::nullopt);
  answered_ = true;
  upload_.on_response();
  EXPECT_TRUE(upload_.has_content());
  has_left_ = false;
  end({});
  EXPECT_TRUE(upload_.is_on_its_way());
  EXPECT_TRUE(upload_.has_content());
  has_left_ = true;
  upload_.let_go();
  EXPECT_FALSE(upload_.is_on_its_way());
  EXPECT_FALSE(upload_.has_content());
}

TEST_F(UploadTest, IsRecoveredIfNothingWasSent) {
  take();
  upload_.give_up();
  EXPECT_EQ(upload_.state(), State::unwanted);
  const auto body = upload_.take_back({});
  ASSERT_TRUE(body);
  EXPECT_EQ(body->length(), 7u);
}

TEST_F(UploadTest, IsNotRecoveredIfAPartWasSentWithoutACopy) {
  take();
  begin(std::nullopt);
  upload_.stop();
  EXPECT_EQ(upload_.state(), State::unwanted);
  EXPECT_FALSE(upload_.take_back({}));
}

TEST_F(UploadTest, IsActiveIfContentWasSentRecently) {
  take();
  begin(std::nullopt);
  EXPECT_TRUE(upload_.was_active(reactor_.now(), 1s));
  advance(2s);
  EXPECT_FALSE(upload_.was_active(reactor_.now(), 1s));
  end({});
  EXPECT_FALSE(upload_.was_active(reactor_.now(), 1s)) << "nothing more is to come";
}

}  // namespace
}  // namespace onehop::transport

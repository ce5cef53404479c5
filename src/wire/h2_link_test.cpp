// SPDX-License-Identifier: Apache-2.0
#include "wire/h2_link.hpp"

#include "support/h2_link_pair.hpp"
#include "support/short_of_memory.hpp"

#include <string>

namespace onehop::wire {
namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;

class H2LinkTest : public test::H2LinkPair {
 protected:
  // Makes a server whose peer has started a request and may send `size` bytes of content.
  void begin_upload(std::size_t size) {
    h2::SessionLimits limits;
    limits.stream_window = static_cast<std::uint32_t>(size);
    limits.connection_window = static_cast<std::uint32_t>(size);
    start(h2::Role::server, limits);
    say(h2_frames::frame(
        h2_frames::headers, h2_frames::kEndHeaders, 1,
        h2_frames::block(
            {{":method", "POST"}, {":scheme", "http"}, {":authority", "h"}, {":path", "/"}})));
  }
  void send_content(std::size_t size) {
    constexpr std::size_t kFrame = 16'384;
    std::string data;
    for (; size > 0; size -= kFrame)
      data += h2_frames::frame(h2_frames::data, 0, 1, std::string(kFrame, 'x'));
    EXPECT_EQ(far_.send(data), data.size());
  }
};

// While one connection uploads at full speed, the other connections of the thread still run.
TEST_F(H2LinkTest, YieldsAfterAMebibyte) {
  begin_upload(3 * kMiB);
  send_content(2 * kMiB);
  EXPECT_EQ(link_->read(), Step::yield);
  EXPECT_GE(stream_.received(), kMiB - 16'384);
  EXPECT_LE(stream_.received(), kMiB + kMiB / 8);
  EXPECT_EQ(link_->read(), Step::yield) << "the heads of the frames make it more than 2 MiB";
  EXPECT_EQ(link_->read(), Step::wait);
  EXPECT_EQ(stream_.received(), 2 * kMiB);
}

// Output that the stream does not accept must be kept.
TEST_F(H2LinkTest, ProducesLittleAtOnceWhileMemoryIsShort) {
  begin_upload(kMiB);
  const std::string window = h2_frames::number(kMiB, 4);
  say(h2_frames::frame(h2_frames::window_update, 0, 0, window) +
      h2_frames::frame(h2_frames::window_update, 0, 1, window));
  stream_.send_head({{":status", "200"}}, false);
  stream_.send(std::string(kMiB, 'x'));
  const std::string filler(8 * kMiB, 'x');
  while (near_->try_write(filler.data(), filler.size()).has_bytes()) {
  }
  const ShortOfMemory short_of_memory;
  link_->flush_now();
  EXPECT_GE(stream_.unsent(), kMiB - h2::Session::kMinMemory);
}

TEST_F(H2LinkTest, LessThanAMebibyteIsReadInOneTurn) {
  begin_upload(3 * kMiB);
  send_content(kMiB - 16'384);
  EXPECT_EQ(link_->read(), Step::wait);
  EXPECT_EQ(stream_.received(), kMiB - 16'384);
}

}  // namespace
}  // namespace onehop::wire

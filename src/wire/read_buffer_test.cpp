// SPDX-License-Identifier: Apache-2.0
#include "wire/read_buffer.hpp"

#include "support/short_of_memory.hpp"
#include "support/stream_pair.hpp"

#include <cerrno>
#include <string>

namespace onehop::wire {
namespace {

constexpr std::size_t kUsual = io::BufferPool::kSize;

class ReadBufferTest : public test::StreamPair {
 protected:
  net::IoResult fill(std::size_t limit = kUsual) { return buffer_.fill(*near_, limit); }

  ReadBuffer buffer_{reactor_.buffers()};
};

TEST_F(ReadBufferTest, CollectsReceivedBytes) {
  EXPECT_TRUE(buffer_.empty());
  far_.send("abc");
  EXPECT_EQ(fill(), 3);
  far_.send("def");
  EXPECT_EQ(fill(), 3);
  EXPECT_EQ(buffer_.view(), "abcdef");
  buffer_.consume(4);
  EXPECT_EQ(buffer_.view(), "ef");
  EXPECT_EQ(buffer_.size(), 2u);
  buffer_.consume(2);
  EXPECT_TRUE(buffer_.empty());
}

TEST_F(ReadBufferTest, LeavesConsumedBytesInPlaceUntilTheNextFill) {
  far_.send("abcdef");
  fill();
  const std::string_view seen = buffer_.view().substr(0, 3);
  buffer_.consume(3);
  EXPECT_EQ(seen, "abc");
}

TEST_F(ReadBufferTest, ReturnsTheResultOfTheStream) {
  EXPECT_EQ(fill(), net::IoResult::must_wait());
  far_.send("a");
  far_.close_write();
  EXPECT_EQ(fill(), 1);
  EXPECT_EQ(fill(), 0);
  EXPECT_EQ(buffer_.view(), "a");
  join();
  far_.reset();
  EXPECT_EQ(fill(), net::IoResult::failed(ECONNRESET));
  EXPECT_EQ(buffer_.view(), "a");
}

TEST_F(ReadBufferTest, MovesRemainingBytesToTheFrontAtItsEnd) {
  const std::string content(kUsual, 'x');
  far_.send(content);
  ASSERT_EQ(fill(), kUsual);
  buffer_.consume(kUsual - 3);
  far_.send("yz");
  EXPECT_EQ(fill(), 2);
  EXPECT_EQ(buffer_.view(), "xxxyz");
}

TEST_F(ReadBufferTest, GrowsToItsLimitAndNoFurther) {
  for (const std::size_t limit : {kUsual / 2, kUsual, kUsual + 1, 3 * kUsual}) {
    join(std::size_t{1} << 20);
    std::string content;
    for (std::size_t i = 0; content.size() < 4 * kUsual; ++i)
      content += std::to_string(i) + ' ';
    far_.send(content);
    net::IoResult got = 0;
    while ((got = fill(limit)).has_bytes()) {
    }
    EXPECT_EQ(got, net::IoResult::failed(EMSGSIZE));
    EXPECT_EQ(buffer_.size(), std::max(limit, kUsual));
    EXPECT_EQ(buffer_.view(), content.substr(0, buffer_.size()));
    // Once there is room again, it continues at the next byte.
    const std::size_t size = buffer_.size();
    buffer_.consume(size - 1);
    EXPECT_TRUE(fill(limit).has_bytes());
    EXPECT_EQ(buffer_.view().substr(0, 2), content.substr(size - 1, 2));
    buffer_.release();
  }
}

TEST_F(ReadBufferTest, DoesNotGrowWhileMemoryIsShort) {
  join(std::size_t{1} << 20);
  far_.send(std::string(3 * kUsual, 'x'));
  {
    const ShortOfMemory short_of_memory;
    EXPECT_EQ(fill(4 * kUsual), kUsual) << "it may have the usual size";
    EXPECT_EQ(fill(4 * kUsual), net::IoResult::failed(ENOMEM));
    EXPECT_EQ(buffer_.size(), kUsual);
    buffer_.consume(100);
    EXPECT_EQ(fill(4 * kUsual), 100);
  }
  EXPECT_TRUE(fill(4 * kUsual).has_bytes());
}

TEST_F(ReadBufferTest, KeepsNoMemoryOnceReleased) {
  far_.send("abc");
  fill();
  buffer_.release();
  EXPECT_TRUE(buffer_.empty());
  EXPECT_EQ(buffer_.view(), "");
  far_.send("def");
  EXPECT_EQ(fill(), 3);
  EXPECT_EQ(buffer_.view(), "def");
}

TEST_F(ReadBufferTest, PassesItsMemoryToTheNextBuffer) {
  if (kMemoryChecker) GTEST_SKIP() << "memory is not used again here, so that misuse is seen";
  far_.send("abc");
  fill();
  const char* memory = buffer_.view().data();
  buffer_.release();
  ReadBuffer other(reactor_.buffers());
  far_.send("def");
  other.fill(*near_, kUsual);
  EXPECT_EQ(other.view().data(), memory);
}

// A buffer that grew is too large for the pool.
TEST_F(ReadBufferTest, DoesNotPassOnMoreThanTheUsualSize) {
  join(std::size_t{1} << 20);
  far_.send(std::string(2 * kUsual, 'x'));
  fill(2 * kUsual);
  fill(2 * kUsual);
  ASSERT_EQ(buffer_.size(), 2 * kUsual);
  const char* memory = buffer_.view().data();
  buffer_.release();
  for (int i = 0; i < 4; ++i)
    EXPECT_NE(reactor_.buffers().take().get(), memory);
}

}  // namespace
}  // namespace onehop::wire

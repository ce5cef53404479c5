// SPDX-License-Identifier: Apache-2.0
#include "net/srv_records.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using namespace std::chrono_literals;

std::string two_bytes(unsigned value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value)};
}

std::string name(std::string_view dotted) {
  std::string out;
  while (!dotted.empty()) {
    const std::string_view label = dotted.substr(0, dotted.find('.'));
    out += static_cast<char>(label.size());
    out += label;
    dotted.remove_prefix(std::min(dotted.size(), label.size() + 1));
  }
  return out + '\0';
}

// A response to a query for _http._tcp.x, whose name begins at byte 12.
class Message {
 public:
  void add(const std::string& record_name, unsigned type, unsigned ttl, const std::string& data) {
    ++answers_;
    records_ += record_name + two_bytes(type) + two_bytes(1) + two_bytes(ttl >> 16U) +
                two_bytes(ttl) + two_bytes(static_cast<unsigned>(data.size())) + data;
  }
  void add_srv(
      unsigned priority, unsigned weight, unsigned port, std::string_view host, unsigned ttl = 60) {
    add("\xc0\x0c", 33, ttl,
        two_bytes(priority) + two_bytes(weight) + two_bytes(port) + name(host));
  }
  std::string text() const {
    return std::string("\x12\x34\x81\x80", 4) + two_bytes(1) + two_bytes(answers_) + two_bytes(0) +
           two_bytes(0) + name("_http._tcp.x") + two_bytes(33) + two_bytes(1) + records_;
  }

 private:
  unsigned answers_ = 0;
  std::string records_;
};

std::optional<SrvRecords> read(const std::string& message) {
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  return read_srv_records({data, message.size()});
}

TEST(SrvRecords, AreReadInOrder) {
  Message message;
  message.add("\xc0\x0c", 5, 5, name("alias.x"));  // a CNAME
  message.add_srv(10, 5, 8000, "a.x", 30);
  message.add_srv(20, 0, 9000, "b.x", 20);
  const auto found = read(message.text());
  ASSERT_TRUE(found);
  EXPECT_THAT(found->records,
              ::testing::ElementsAre(SrvRecord{"a.x", 8000, 10, 5}, SrvRecord{"b.x", 9000, 20, 0}));
  EXPECT_EQ(found->ttl, 20s);
}

TEST(SrvRecords, IgnoreTheRootHostAndPortZero) {
  Message message;
  message.add_srv(0, 0, 80, "");
  message.add_srv(0, 0, 0, "a.x");
  const auto found = read(message.text());
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->records.empty());
}

TEST(SrvRecords, AMessageThatEndsEarlyIsMalformed) {
  Message message;
  message.add_srv(10, 5, 8000, "a.x");
  const std::string whole = message.text();
  ASSERT_TRUE(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(read(whole.substr(0, size))) << size;
}

TEST(SrvRecords, RejectARecordWhoseLengthIsWrong) {
  Message message;
  message.add("\xc0\x0c", 33, 60,
              two_bytes(1) + two_bytes(1) + two_bytes(80) + name("a.x") + "more");
  EXPECT_FALSE(read(message.text()));
  Message loop;
  loop.add("\xc0\x0c", 33, 60, two_bytes(1) + two_bytes(1) + two_bytes(80) + "\xc0\x2f");
  EXPECT_FALSE(read(loop.text())) << "a name that refers to itself";
}

}  // namespace
}  // namespace onehop::net

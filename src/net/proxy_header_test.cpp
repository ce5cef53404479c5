// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace onehop::net {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string number(std::size_t value) {
  return {static_cast<char>(value >> 8U), static_cast<char>(value & 0xffU)};
}

std::string header(unsigned command, unsigned family, std::string_view rest) {
  std::string text(kSignature);
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  return text.append(number(rest.size())).append(rest);
}

std::string extension(unsigned type, std::string_view value) {
  return static_cast<char>(type) + number(value.size()).append(value);
}

std::string padded(std::string path) {
  path.resize(108);
  return path;
}

const std::string kV4 = std::string("\xc0\0\2\1\xc6\x33\x64\2", 8) + number(50'000) + number(443);
const std::string kV6 = std::string("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16) +
                        std::string("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16) + number(1) +
                        number(65'535);

std::string text_of(const ProxyHeader& header) {
  if (!header.ends) return "none";
  return header.ends->client.to_string() + " " + header.ends->server.to_string();
}

// Returns "CLIENT SERVER" of a header, "none", "needs SIZE", or "refused: WHY".
std::string reading(std::string_view received) {
  const auto beginning = read_proxy_header(received);
  if (!beginning) {
    EXPECT_TRUE(beginning.error().is(Errc::bad_request));
    return "refused: " + std::string(beginning.error().detail());
  }
  if (!beginning->complete) return "needs " + std::to_string(beginning->size);
  return text_of(*beginning->complete);
}

struct Case {
  std::string bytes_in;
  std::string expected;
};

const std::vector<Case>& valid() {
  static const std::string kFull = kV4 + extension(0xe0, std::string(4096 - 12 - 3, 'x'));
  static const std::vector<Case> kCases = {
      {"PROXY TCP4 192.0.2.1 198.51.100.2 50000 443\r\n", "192.0.2.1:50000 198.51.100.2:443"},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 0 9\r\n", "1.1.1.1:0 2.2.2.2:9"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       "255.255.255.255:65535 255.255.255.255:65535"},
      {"PROXY TCP6 2001:db8::1 2001:DB8::2 1 2\r\n", "[2001:db8::1]:1 [2001:db8::2]:2"},
      {"PROXY TCP6 :: :: 1 2\r\n", "[::]:1 [::]:2"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535 "
       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
      {"PROXY UNKNOWN\r\n", "none"},
      {"PROXY UNKNOWN 1.1.1.1 anything at all\r\n", "none"},
      {"PROXY UNKNOWN " + std::string(107 - 14 - 2, 'f') + "\r\n", "none"},
      {header(0x21, 0x11, kV4), "192.0.2.1:50000 198.51.100.2:443"},
      {header(0x21, 0x12, kV4), "192.0.2.1:50000 198.51.100.2:443"},
      {header(0x21, 0x21, kV6), "[2001:db8::1]:1 [2001:db8::2]:65535"},
      {header(0x21, 0x22, kV6), "[2001:db8::1]:1 [2001:db8::2]:65535"},
      {header(0x21, 0x31, padded("/run/client") + padded("/run/app")),
       "unix:/run/client unix:/run/app"},
      {header(0x21, 0x32, padded("") + padded(std::string("\0abstract", 9))),
       "unix: unix:@abstract"},
      {header(0x21, 0x31, padded(std::string(108, 'p')) + padded("/q")),
       "unix:" + std::string(108, 'p') + " unix:/q"},
      {header(0x21, 0x00, ""), "none"},
      {header(0x21, 0x00, extension(5, "id")), "none"},
      {header(0x20, 0x00, ""), "none"},
      {header(0x20, 0x11, kV4), "none"},
      {header(0x20, 0xff, "not an extension"), "none"},
      {header(0x21, 0x11, kV4 + extension(0xea, "vpce-1") + extension(4, "")),
       "192.0.2.1:50000 198.51.100.2:443"},
      {header(0x21, 0x11, kFull), "192.0.2.1:50000 198.51.100.2:443"},
      // The sum was computed by another implementation.
      {header(0x21, 0x11, kV4 + extension(3, "\xa8\xf4\x07\xb1")),
       "192.0.2.1:50000 198.51.100.2:443"},
  };
  return kCases;
}

TEST(ProxyHeader, ParsesTheAddressesOfTheClientConnection) {
  for (const auto& [bytes_in, expected] : valid())
    EXPECT_EQ(reading(bytes_in), expected) << bytes_in;
}

// Neither too early nor too late, regardless of the bytes that follow.
TEST(ProxyHeader, StopsAtItsEnd) {
  for (const auto& [bytes_in, expected] : valid()) {
    for (const std::string_view rest : {"", "G", "\r\n", "GET / HTTP/1.1\r\n\r\n", "PROXY "}) {
      const auto beginning = read_proxy_header(bytes_in + std::string(rest));
      ASSERT_TRUE(beginning && beginning->complete) << bytes_in << rest;
      EXPECT_EQ(beginning->size, bytes_in.size());
      EXPECT_EQ(text_of(*beginning->complete), expected);
    }
  }
}

// A reader that reads up to the needed size makes progress and never reads what follows.
TEST(ProxyHeader, APartialHeaderAsksForMoreButNeverTooMuch) {
  for (const auto& [bytes_in, expected] : valid()) {
    for (std::size_t size = 0; size < bytes_in.size(); ++size) {
      const auto beginning = read_proxy_header(std::string_view(bytes_in).substr(0, size));
      ASSERT_TRUE(beginning) << bytes_in.substr(0, size);
      EXPECT_FALSE(beginning->complete);
      EXPECT_GT(beginning->size, size) << bytes_in.substr(0, size);
      EXPECT_LE(beginning->size, bytes_in.size()) << bytes_in.substr(0, size);
    }
  }
}

// A line takes a few reads, not one for each byte.
TEST(ProxyHeader, ReadsALineInFewPieces) {
  const std::string_view line = "PROXY TCP4 203.0.113.100 198.51.100.200 54321 443\r\n";
  std::size_t have = 0;
  int reads = 0;
  for (; have < line.size(); ++reads)
    have = read_proxy_header(line.substr(0, have))->size;
  EXPECT_EQ(have, line.size());
  EXPECT_LE(reads, 9);
}

TEST(ProxyHeader, IsRefusedIfItIsMalformed) {
  const std::string kFamilies = "neither TCP4, TCP6 nor UNKNOWN";
  const std::string kClient = "the address or port of the client";
  const std::string kServer = "the address or port of the destination";
  const std::vector<Case> cases = {
      {"G", "begins with something else"},
      {"\x16\x03\x01", "begins with something else"},
      {"proxy TCP4", "begins with something else"},
      {"\r\n\r\n\r", "begins with something else"},
      {"\r\nP", "begins with something else"},
      {" PROXY", "begins with something else"},
      {"PROXY  ", kFamilies},
      {"PROXY TCP5", kFamilies},
      {"PROXY tcp4", kFamilies},
      {"PROXY TCP4\r\n", kFamilies},
      {"PROXY UNKNOWNS\r\n", kFamilies},
      {"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n", kFamilies},
      {"PROXY TCP4 \r\n", "fewer than two addresses"},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", "fewer than two addresses"},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", kServer},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", kServer},
      {"PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1  2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1\t2.2.2.2 1 2 3\r\n", kClient},
      {"PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 ::1 ::2 1 2\r\n", kClient},
      {"PROXY TCP4 localhost 2.2.2.2 1 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1 ::2 1 2\r\n", kServer},
      {"PROXY TCP6 1.1.1.1 ::2 1 2\r\n", kClient},
      {"PROXY TCP6 [::1] ::2 1 2\r\n", kClient},
      {"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n", kClient},
      {"PROXY TCP6 ::1 ::g 1 2\r\n", kServer},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 +2\r\n", kServer},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 0x2\r\n", kServer},
      {"PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n", kClient},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", "without a CR"},
      {"PROXY UNKNOWN\n\r\n", "without a CR"},
      {"PROXY UNKNOWN \r \r\n", "a CR is not the end"},
      {"PROXY UNKNOWN " + std::string(107 - 14 - 1, 'f') + "\r\n", "more than 107 bytes"},
      {"PROXY UNKNOWN " + std::string(92, 'f'), "more than 107 bytes"},
      {"PROXY TCP4 " + std::string(200, '1'), "more than 107 bytes"},
      {std::string(kSignature) + '\x11', "its version is not 2"},
      {std::string(kSignature) + '\x01', "its version is not 2"},
      {std::string(kSignature) + '\x22', "its command neither LOCAL nor PROXY"},
      {std::string(kSignature) + '\x2f', "its command neither LOCAL nor PROXY"},
      {header(0x21, 0x10, kV4), "its family or its transport"},
      {header(0x21, 0x01, kV4), "its family or its transport"},
      {header(0x21, 0x13, kV4), "its family or its transport"},
      {header(0x21, 0x41, kV4), "its family or its transport"},
      {header(0x21, 0x11, kV4.substr(1)), "shorter than the addresses"},
      {header(0x21, 0x21, kV6.substr(1)), "shorter than the addresses"},
      {header(0x21, 0x31, padded("")), "shorter than the addresses"},
      {header(0x21, 0x11, kV4 + extension(1, std::string(4096 - 12 - 2, 'x'))), "4096 bytes"},
      {header(0x20, 0x00, std::string(4097, '\0')), "4096 bytes"},
      {header(0x21, 0x11, kV4 + '\1'), "cut short"},
      {header(0x21, 0x11, kV4 + std::string("\1\0", 2)), "cut short"},
      {header(0x21, 0x11, kV4 + std::string("\1\0\2x", 4)), "longer than the header"},
      {header(0x21, 0x00, "x"), "cut short"},
      {header(0x21, 0x11, kV4 + extension(3, "123")), "not 4 bytes long"},
      {header(0x21, 0x11, kV4 + extension(3, "")), "not 4 bytes long"},
      {header(0x21, 0x11, kV4 + extension(3, "1234") + extension(3, "1234")), "not 4 bytes long"},
      {header(0x21, 0x11, kV4 + extension(3, "1234")), "its CRC32c is wrong"},
  };
  for (const auto& [bytes_in, expected] : cases) {
    EXPECT_THAT(reading(bytes_in), HasSubstr("refused: PROXY header: ")) << bytes_in;
    EXPECT_THAT(reading(bytes_in), HasSubstr(expected)) << bytes_in;
  }
}

// The length field alone decides, before any of the rest is kept.
TEST(ProxyHeader, LimitsTheSize) {
  const std::string begin = header(0x21, 0x11, "").substr(0, 14);
  EXPECT_EQ(reading(begin + number(4096)), "needs " + std::to_string(ProxyHeader::kMaxSize));
  EXPECT_THAT(reading(begin + number(4097)), HasSubstr("more than 4096 bytes"));
  EXPECT_THAT(reading(begin + number(65'535)), HasSubstr("more than 4096 bytes"));
}

TEST(ProxyHeader, TheChecksumCoversEveryByte) {
  const std::size_t type_of_sum = ProxyHeader::kFixedPart + kV4.size();
  const std::string with_sum = header(0x21, 0x11, kV4 + extension(3, "\xa8\xf4\x07\xb1"));
  for (std::size_t place = ProxyHeader::kFixedPart; place < with_sum.size(); ++place) {
    if (place == type_of_sum) continue;
    std::string broken = with_sum;
    broken[place] = static_cast<char>(broken[place] ^ 1);
    EXPECT_THAT(reading(broken), HasSubstr("refused")) << place;
  }
}

TEST(ProxyHeader, RoundTrips) {
  for (const auto& [bytes_in, expected] : valid()) {
    const ProxyHeader header = *read_proxy_header(bytes_in)->complete;
    const std::string written = write_proxy_header(header);
    const auto again = read_proxy_header(written);
    ASSERT_TRUE(again && again->complete) << bytes_in;
    EXPECT_EQ(again->size, written.size());
    EXPECT_EQ(*again->complete, header);
  }
  EXPECT_EQ(write_proxy_header(*read_proxy_header(header(0x21, 0x11, kV4))->complete),
            header(0x21, 0x11, kV4));
  EXPECT_EQ(write_proxy_header({}), header(0x20, 0x00, ""));
}

}  // namespace
}  // namespace onehop::net

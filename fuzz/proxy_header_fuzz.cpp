// SPDX-License-Identifier: Apache-2.0
//
// Reads headers of the PROXY protocol. A reader that requests only the necessary bytes finds the
// same as a reader of all bytes, and the result reads the same after it is written. A server
// believes a header of a balancer, and never a header of another peer. Input: a byte with options,
// then the bytes of the peer.

#include <onehop/testing.hpp>

#include "base/check.hpp"
#include "fuzz_one.hpp"
#include "net/proxy_header.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::fuzz {
namespace {

using net::ProxyHeader;

const char* const kPeer = "192.0.2.1";  // of every connection to a testing::Network
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

struct Found {
  ProxyHeader header;
  std::size_t size;
};

// Reads as a server does, never beyond the header.
std::optional<Found> find(std::string_view input) {
  std::size_t have = 0;
  for (;;) {
    const auto beginning = net::read_proxy_header(input.substr(0, have));
    if (!beginning) {
      ONEHOP_CHECK(!beginning.error().detail().empty());
      return std::nullopt;
    }
    ONEHOP_CHECK(beginning->size <= ProxyHeader::kMaxSize);
    if (beginning->complete) {
      ONEHOP_CHECK(beginning->size == have);
      return Found{*beginning->complete, have};
    }
    ONEHOP_CHECK(beginning->size > have);
    if (have == input.size()) return std::nullopt;
    have = std::min(beginning->size, input.size());
  }
}

void check_parts(std::string_view input, const std::optional<Found>& found) {
  const auto at_once = net::read_proxy_header(input);
  const bool is_complete = at_once && at_once->complete;
  ONEHOP_CHECK(is_complete == found.has_value());
  if (!found) return;
  ONEHOP_CHECK(at_once->size == found->size && *at_once->complete == found->header);
  for (std::size_t size = 0; size < found->size; ++size) {
    const auto part = net::read_proxy_header(input.substr(0, size));
    ONEHOP_CHECK(part && !part->complete && part->size > size && part->size <= found->size);
  }
  const std::string written = net::write_proxy_header(found->header);
  const auto again = net::read_proxy_header(written);
  ONEHOP_CHECK(again && again->complete && again->size == written.size());
  ONEHOP_CHECK(*again->complete == found->header);
}

void serve(std::string_view input, std::size_t piece, bool is_balancer) {
  const std::string sent = std::string(input).append(kGet);
  const auto found = find(sent);
  std::string peer = kPeer;
  std::uint16_t port = 0;
  if (is_balancer && found && found->header.ends) {
    peer = found->header.ends->client.ip();
    port = found->header.ends->client.port();
  }
  Server::Options options;
  options.log = [](LogLevel, std::string_view) {};
  options.proxy_protocol = {is_balancer ? kPeer : "198.51.100.0/24"};
  options.trust = {"10.0.0.0/8", "unix"};
  bool was_served = false;
  testing::Network network;
  network.serve("s:80", make_handler([&](const Request& request) {
                  ONEHOP_CHECK(request.connection().peer == peer);
                  if (peer != kPeer) ONEHOP_CHECK(request.connection().peer_port == port);
                  was_served = true;
                  return Response(Status::ok);
                }),
                std::move(options));
  testing::Wire wire = network.connect("s:80");
  for (std::string_view rest = sent; !rest.empty();) {
    const std::size_t size = std::min(piece, rest.size());
    wire.send(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  if (is_balancer && !found) ONEHOP_CHECK(!was_served && wire.receive().empty());
  if (is_balancer && found && found->size == input.size()) ONEHOP_CHECK(was_served);
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const std::uint8_t options = take_byte(input);
  check_parts(input, find(input));
  const std::size_t piece =
      (options & 2U) != 0 ? std::size_t{1} + (options >> 2U) : input.size() + 99;
  serve(input.substr(0, 8 * 1024), piece, (options & 1U) != 0);
}

}  // namespace onehop::fuzz

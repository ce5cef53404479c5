// SPDX-License-Identifier: Apache-2.0
#include "server/exchange_log.hpp"

namespace onehop::server {
namespace {

// What a hook or a peer has said may hold anything: it stays within its line.
void append_printable(std::string& line, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (octet >= 0x20 && octet < 0x7f) {
      line += c;
    } else {
      line += "\\x";
      line += kHex[octet >> 4U];
      line += kHex[octet & 15U];
    }
  }
}

}  // namespace

std::string describe_failure(const Exchange& exchange) {
  std::string line(exchange.peer);
  line += " \"";
  line += exchange.method.text();
  line += ' ';
  append_printable(line, exchange.target);
  line += "\" ";
  line += std::to_string(exchange.status);
  if (exchange.failure) {
    line += ": ";
    append_printable(line, exchange.failure->to_string());
  }
  if (!exchange.upstream.empty() || exchange.attempts > 0) {
    line += " (upstream ";
    line += exchange.upstream.empty() ? "none" : exchange.upstream;
    line += ", attempt ";
    line += std::to_string(exchange.attempts);
    line += ')';
  }
  return line;
}

}  // namespace onehop::server

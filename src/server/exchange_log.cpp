// SPDX-License-Identifier: Apache-2.0
#include "server/exchange_log.hpp"

namespace onehop::server {

std::string describe_failure(const Exchange& exchange) {
  std::string line(exchange.peer);
  line += " \"";
  line += exchange.method.text();
  line += ' ';
  line += exchange.target;
  line += "\" ";
  line += std::to_string(exchange.status);
  if (exchange.failure) {
    line += ": ";
    line += exchange.failure->to_string();
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

// SPDX-License-Identifier: Apache-2.0
//
// A strict reader of HTTP/1 messages that shares no code with the proxy, so that tests can compare
// both results for the same bytes.
// Thread: owner.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::test {

using Lines = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// Returns the first value of `name`, or "".
std::string_view value_of(const Lines& lines, std::string_view name);

struct H1Message {
  enum class State { incomplete, malformed, whole };

  State state = State::incomplete;
  bool has_head = false;
  int status = 0;      // of a response; interim responses before it are skipped
  std::string method;  // of a request
  std::string target;
  Lines fields;
  std::string body;  // the part that has arrived
  Lines trailers;
  std::size_t size = 0;  // bytes, once it is complete

  bool is_whole() const noexcept { return state == State::whole; }
};

H1Message read_h1_request(std::string_view data);
// Reads the response to a request of `method`. `ended`: the connection was closed in an orderly way
// after `data`.
H1Message read_h1_response(std::string_view data, std::string_view method, bool ended);

}  // namespace onehop::test

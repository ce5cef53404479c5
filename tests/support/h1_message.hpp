// SPDX-License-Identifier: Apache-2.0
//
// Reading messages of HTTP/1 once more, strictly and without a line of the proxy's own code: what a
// test holds against what the proxy made of the same bytes. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::test {

using Lines = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// The first value of `name`, or nothing.
std::string_view value_of(const Lines& lines, std::string_view name);

struct H1Message {
  enum class State { incomplete, malformed, whole };

  State state = State::incomplete;
  bool has_head = false;
  int status = 0;      // of a response; those with 1xx before it are passed over
  std::string method;  // of a request
  std::string target;
  Lines fields;
  std::string body;  // as far as it is here
  Lines trailers;
  std::size_t size = 0;  // bytes, once it is whole

  bool is_whole() const noexcept { return state == State::whole; }
};

H1Message read_h1_request(std::string_view data);
// The answer to a request of `method`; `ended`: the connection has ended in order behind `bytes`.
H1Message read_h1_response(std::string_view data, std::string_view method, bool ended);

}  // namespace onehop::test

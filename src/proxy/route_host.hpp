// SPDX-License-Identifier: Apache-2.0
//
// Parses the hosts of routes, and converts the hosts of requests to the form that routes compare:
// in lower case, without port, brackets and final dot.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "http/host.hpp"

#include <array>
#include <string>
#include <string_view>

namespace onehop {

// Returns "a.example" for "A.example", and ".b.example" for "*.b.example". Anything else is
// Errc::bad_option, whose detail says what is wrong and what to write.
Result<std::string> parse_host_pattern(std::string_view text);

// ComparedHost is the host of a Host field in this form. It does not allocate.
class ComparedHost {
 public:
  explicit ComparedHost(std::string_view field) noexcept;
  ComparedHost(const ComparedHost&) = delete;
  ComparedHost& operator=(const ComparedHost&) = delete;
  ~ComparedHost() = default;

  // Returns the host, or "" if the field has none or it is longer than a DNS name.
  std::string_view text() const noexcept { return {room_.data(), size_}; }

 private:
  std::array<char, kMaxHostSize> room_;
  std::size_t size_ = 0;
};

}  // namespace onehop

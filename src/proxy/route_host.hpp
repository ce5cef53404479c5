// SPDX-License-Identifier: Apache-2.0
//
// The hosts of routes, and those of requests as routes compare them: in lower case, without port,
// brackets and the dot at the end.
// Thread: any.
#pragma once

#include <onehop/error.hpp>

#include "http/host.hpp"

#include <array>
#include <string>
#include <string_view>

namespace onehop {

// Returns "a.example" for a host, and ".b.example" for "*.b.example". Errc::bad_option; its detail
// says what is wrong and what to write.
Result<std::string> parse_host_pattern(std::string_view text);

// The host of a Host field.
class ComparedHost {
 public:
  explicit ComparedHost(std::string_view field) noexcept;
  ComparedHost(const ComparedHost&) = delete;
  ComparedHost& operator=(const ComparedHost&) = delete;
  ~ComparedHost() = default;

  // "" if the field has no host.
  std::string_view text() const noexcept { return {room_.data(), size_}; }

 private:
  std::array<char, kMaxHostSize> room_;
  std::size_t size_ = 0;
};

}  // namespace onehop

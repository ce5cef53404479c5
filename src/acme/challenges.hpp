// SPDX-License-Identifier: Apache-2.0
//
// Challenges holds the responses that this process may give to an authority that verifies a name.
// For http-01 it keeps nothing about an order: the response consists of the requested token and the
// thumbprint of the account's key, so each machine with that key can respond for the others. This
// is safe, because it does not prove a name for the order of another account. It responds only for
// names in the settings, and only until the time set by open().
// Thread: any.
#pragma once

#include "acme/times.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace onehop::acme {

class Challenges {
 public:
  explicit Challenges(std::function<WallTime()> now = &std::chrono::system_clock::now)
      : now_(std::move(now)) {}

  // The names must be in lower case.
  void set_names(std::set<std::string, std::less<>> names);
  void set_thumbprint(std::string thumbprint);
  void open(WallTime until);
  // Sets the pairs for tls-alpn-01, by name.
  void set_pairs(std::map<std::string, std::string, std::less<>> pairs);

  // Returns the response to http-01, or "" if there is none. `host` is the value of a Host field.
  std::string response_to(std::string_view host, std::string_view token) const;
  // Returns the pair for tls-alpn-01, or "" if there is none for this name.
  std::string pair_for(std::string_view name) const;

 private:
  bool is_open() const { return now_() < open_until_; }

  const std::function<WallTime()> now_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::set<std::string, std::less<>> names_;
  std::string thumbprint_;
  WallTime open_until_{};
  std::map<std::string, std::string, std::less<>> pairs_;
};

}  // namespace onehop::acme

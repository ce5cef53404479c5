// SPDX-License-Identifier: Apache-2.0
//
// Challenges: what this process may say to an authority that looks. For http-01 nothing is kept of
// an order: the response is made of the token that is asked for and the thumbprint of the account's
// key, so each machine with that key responds for the others. That is safe, since no other
// account's order is proven by it. Only names of the settings are responded for, and only while
// open_until() has not passed.
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

  // In lower case.
  void set_names(std::set<std::string, std::less<>> names);
  void set_thumbprint(std::string thumbprint);
  void open(WallTime until);
  // The pairs of tls-alpn-01, by name.
  void set_pairs(std::map<std::string, std::string, std::less<>> pairs);

  // The response to http-01; "" if there is none. `host` as in a Host field.
  std::string response_to(std::string_view host, std::string_view token) const;
  // The pair for tls-alpn-01; "" if none is expected.
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

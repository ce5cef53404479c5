// SPDX-License-Identifier: Apache-2.0
//
// Whether and why an exchange has failed. The reason is one of a fixed set of words, for the label
// of a metric: "connection_refused", "timed_out", "body_too_large".
// Thread: any; constant.
#pragma once

#include <onehop/exchange_record.hpp>

#include <cstddef>
#include <string_view>

namespace onehop::observe {

// Reports whether an exchange counts as failed.
inline bool has_failed(const ExchangeRecord& exchange) noexcept {
  return exchange.failure.has_value() || exchange.outcome != Outcome::complete;
}
// Returns the error of an exchange that has failed; if the exchange has none, the error that its
// outcome implies.
Error failure_of(const ExchangeRecord& exchange);

inline constexpr std::size_t kFailureReasons = 43;

// Returns an index below kFailureReasons.
std::size_t failure_reason(const Error& error) noexcept;
std::string_view name_of_failure_reason(std::size_t index) noexcept;

}  // namespace onehop::observe

// SPDX-License-Identifier: Apache-2.0
//
// Calculates when a certificate is renewed. The times are fractions of its lifetime, so that a
// certificate of six days is treated like one of a year. `random` is a number from 0 to 1.
// Thread: any.
#pragma once

#include "acme/messages.hpp"
#include "acme/times.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace onehop::acme {

struct Lifetime {
  WallTime begin;
  WallTime end;
};

// Returns the time without advice from the authority: after two thirds of the lifetime, less up to
// a tenth.
WallTime renewal_time(const Lifetime& lifetime, double random);
// Returns a random time in the window that the authority advises (RFC 9773 §4.2).
WallTime renewal_time(const RenewalWindow& window, double random);
// Returns how long to wait before asking the authority for advice again.
std::chrono::seconds until_next_advice(std::optional<std::chrono::seconds> retry_after);

// Returns how long to wait after an order that succeeded, whatever the clock and the authority say:
// a hundredth of the remaining lifetime, at least a minute and at most six hours.
std::chrono::seconds until_next_order(WallTime obtained, WallTime end);

// Returns how long to wait after `failures` failed attempts in a row: a minute, doubled up to six
// hours, less up to a fifth at random, and not less than the authority asks for.
std::chrono::seconds until_next_attempt(unsigned failures,
                                        std::optional<std::chrono::seconds> retry_after,
                                        double random);

// How urgent the renewal of a certificate is: warning if a third of the lifetime is left, error if
// a tenth is left.
enum class Urgency : std::uint8_t { none, warning, error };
Urgency urgency_of(const Lifetime& lifetime, WallTime now);

}  // namespace onehop::acme

// SPDX-License-Identifier: Apache-2.0
//
// When a certificate is renewed. The times are shares of its lifetime, so that one of six days is
// treated as one of a year. `random` is a number from 0 to 1.
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

// Without advice of the authority: after two thirds of the lifetime, less up to a tenth.
WallTime renewal_time(const Lifetime& lifetime, double random);
// By its advice (RFC 9773 §4.2): a point in the window.
WallTime renewal_time(const RenewalWindow& window, double random);
// How long until the authority is asked for advice again.
std::chrono::seconds until_next_advice(std::optional<std::chrono::seconds> retry_after);

// How long until the next order after one that succeeded, whatever the clock and the authority say:
// a hundredth of the lifetime that is left then, at least a minute and at most six hours.
std::chrono::seconds until_next_order(WallTime obtained, WallTime end);

// How long until the next attempt, after `failures` failed ones in a row: a minute, doubled up to
// six hours, less up to a fifth, and not less than the authority asks for.
std::chrono::seconds until_next_attempt(unsigned failures,
                                        std::optional<std::chrono::seconds> retry_after,
                                        double random);

// How much it matters that a certificate was not renewed yet: a third of its lifetime is left, or a
// tenth.
enum class Urgency : std::uint8_t { none, warning, error };
Urgency urgency_of(const Lifetime& lifetime, WallTime now);

}  // namespace onehop::acme

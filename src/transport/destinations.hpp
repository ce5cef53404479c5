// SPDX-License-Identifier: Apache-2.0
//
// Destinations chooses where the attempts of one request go if there is more than one place. An
// Upstream implements it; a plain Transport has none and follows the URL.
#pragma once

#include <onehop/error.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "transport/endpoint_use.hpp"

#include <string_view>

namespace onehop::transport {

// One per request. Thread: owner.
class Destinations {
 public:
  Destinations() = default;
  Destinations(const Destinations&) = delete;
  Destinations& operator=(const Destinations&) = delete;
  virtual ~Destinations() = default;

  // Moves to a place that was not tried yet and sets the scheme and authority of the URL of
  // `request` to those of the place. Returns false, and changes nothing, if no place is left.
  virtual bool next(Request& request) = 0;
  // Reports whether next() would find a place.
  virtual bool has_next() const noexcept = 0;
  // Allows all places to be tried again. Returns false if each may be tried only once.
  virtual bool begin_again() noexcept = 0;
  // Returns the address to connect to for the current place, or "" for the addresses of the URL's
  // host. Valid until the next call of next().
  virtual std::string_view connect_address() const noexcept = 0;
  // Returns the count for an exchange with the current place.
  virtual EndpointUse take_use() noexcept = 0;

  // Records that the current place has failed with `error` and may be tried again. `is_its_fault`
  // is false if the failure does not concern its health, such as when it closed a connection that
  // was idle.
  virtual void on_failure(const Error& error, bool is_its_fault) noexcept = 0;
  // Records the response of the current place, and may add fields for the client. Returns true if
  // the request should go to another place instead, if that does no harm.
  virtual bool on_response(Response& response) = 0;
};

}  // namespace onehop::transport

// SPDX-License-Identifier: Apache-2.0
//
// Destinations: where the attempts of one request go, if it has more than one place to go to. An
// Upstream implements it; a plain Transport has none, and goes where the URL says.
#pragma once

#include <onehop/error.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "transport/endpoint_use.hpp"

#include <string_view>

namespace onehop::transport {

// One for each request. Thread: owner.
class Destinations {
 public:
  Destinations() = default;
  Destinations(const Destinations&) = delete;
  Destinations& operator=(const Destinations&) = delete;
  virtual ~Destinations() = default;

  // Chooses a place that was not tried yet: from now on it is the current one, and the URL of
  // `request` has its scheme and authority. False if no place is left; nothing has changed then.
  virtual bool next(Request& request) = 0;
  // Whether next() would find one.
  virtual bool has_next() const noexcept = 0;
  // From now on all places may be tried again. False if each is to be tried once only.
  virtual bool begin_again() noexcept = 0;
  // Where the current place is connected to; "": to the addresses of the URL's host. It is valid
  // until the next call of next().
  virtual std::string_view connect_address() const noexcept = 0;
  // For an exchange with the current place.
  virtual EndpointUse take_use() noexcept = 0;

  // The current place has failed with `error`, and may be tried again. `is_its_fault`: that says
  // something about its health; a connection that it closed while it was idle does not.
  virtual void on_failure(const Error& error, bool is_its_fault) noexcept = 0;
  // It has responded; fields for the client may be added. True if another place should be asked
  // instead, if that does no harm.
  virtual bool on_response(Response& response) = 0;
};

}  // namespace onehop::transport

// SPDX-License-Identifier: Apache-2.0
//
// MessageAccess reads and sets the parts of messages that the server, the transport and the proxy
// share and that the public interface hides.
// Thread: owner.
#pragma once

#include <onehop/body.hpp>
#include <onehop/request.hpp>
#include <onehop/response.hpp>

#include "base/arena.hpp"
#include "http/polled_body_source.hpp"

#include <string_view>
#include <utility>

namespace onehop {

struct detail::MessageAccess {
  // Sets the record of the exchange, which must outlive the request, and the arena of the exchange,
  // which the request keeps even if its headers are replaced.
  static void set_record(Request& request, ExchangeRecord* record, ArenaRef memory = {}) noexcept {
    request.parts_->record = record;
    request.parts_->value_memory = std::move(memory);
  }
  // Returns the arena of the exchange, which holds values() and the texts of the record.
  static Arena& memory(const Request& request) {
    static_cast<void>(request.values());
    return *request.parts_->value_memory;
  }
  static void set_connection(Request& request, const ConnectionInfo& connection) {
    request.parts_->connection = connection;
  }
  // Sets the function that Request::send_informational() calls.
  static void on_informational(Request& request, std::function<void(const Response&)> callback) {
    request.parts_->on_informational = std::move(callback);
  }

  // Sets the reason phrase received over HTTP/1. `reason` views the message's own memory.
  static void set_received_reason(Response& response, std::string_view reason) noexcept {
    response.parts_->reason = reason;
  }
  // Reports whether each piece is written separately, as soon as it is available. The proxy sets
  // this from its flush policy.
  static bool flush_at_once(const Response& response) noexcept {
    return response.parts_->flush_at_once;
  }
  static void set_flush_at_once(Response& response, bool value) noexcept {
    response.parts_->flush_at_once = value;
  }

  // Returns `source` as a source that can be polled, or null if it cannot be polled.
  static PolledBodySource* polled(BodySource& source) noexcept { return source.polled(); }
  // Returns the source of `body`, or null if the body is empty.
  static BodySource* source(const Body& body) noexcept { return body.source_.get(); }
  // Reports whether the source of a response's body is still sending the content of the request to
  // the upstream. The source must then live until it has sent the content, even if the body was
  // read.
  static bool passes_content_on(const Body& body) noexcept {
    return body.source_ && body.source_->passes_content_on();
  }
};

using detail::MessageAccess;

}  // namespace onehop

// SPDX-License-Identifier: Apache-2.0
//
// MessageAccess is what the server, the transport and the proxy do to messages and a program does
// not. Thread: owner of the message.
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
  // `record` must outlive the request, which keeps `memory`, that of the exchange, whatever becomes
  // of its headers.
  static void set_record(Request& request, ExchangeRecord* record, ArenaRef memory = {}) noexcept {
    request.parts_->record = record;
    request.parts_->value_memory = std::move(memory);
  }
  // Returns the memory of the exchange, where values() and texts of the record are.
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

  // The phrase as received over HTTP/1; a view of the message's own memory.
  static void set_received_reason(Response& response, std::string_view reason) noexcept {
    response.parts_->reason = reason;
  }
  // Whether each piece is written on its own as soon as it is available. The proxy sets it from its
  // flush policy.
  static bool flush_at_once(const Response& response) noexcept {
    return response.parts_->flush_at_once;
  }
  static void set_flush_at_once(Response& response, bool value) noexcept {
    response.parts_->flush_at_once = value;
  }

  // `source` as one that can be polled; null if it cannot.
  static PolledBodySource* polled(BodySource& source) noexcept { return source.polled(); }
  // Null if the body is empty.
  static BodySource* source(const Body& body) noexcept { return body.source_.get(); }
  // The body of a response, whether or not it was read: content of its request is on its way
  // through its source, which has to live until then.
  static bool passes_content_on(const Body& body) noexcept {
    return body.source_ && body.source_->passes_content_on();
  }
};

using detail::MessageAccess;

}  // namespace onehop

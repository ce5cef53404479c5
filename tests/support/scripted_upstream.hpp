// SPDX-License-Identifier: Apache-2.0
//
// ScriptedUpstream is a RoundTripper without a network. It keeps the last request and returns the
// test's response. Also helpers to call a handler and to inspect messages.
// Thread: owner.
#pragma once

#include <onehop/handler.hpp>
#include <onehop/round_tripper.hpp>

#include "http/message_access.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::test {

class ScriptedUpstream final : public RoundTripper {
 public:
  using Script = std::function<Result<Response>(Request&)>;

  ScriptedUpstream() : ScriptedUpstream([](Request&) { return Response(Status::ok, "fine"); }) {}
  explicit ScriptedUpstream(Script script) : script_(std::move(script)) {}

  task<Result<Response>> round_trip(Request request) const override {
    ++calls_;
    last_ = std::move(request);
    co_return script_(*last_);
  }

  int calls() const noexcept { return calls_; }
  Request& last() const { return last_.value(); }

 private:
  Script script_;
  mutable int calls_ = 0;
  mutable std::optional<Request> last_;
};

inline std::shared_ptr<const ScriptedUpstream> upstream_that(ScriptedUpstream::Script script) {
  return std::make_shared<const ScriptedUpstream>(std::move(script));
}

inline std::shared_ptr<const ScriptedUpstream> upstream_failing_with(Error error) {
  return upstream_that([error](Request&) -> Result<Response> { return failure(error); });
}

// Runs a task that never suspends.
template <class T>
T run_at_once(task<T> work) {
  if (!work.start()) throw std::logic_error("the task is waiting for something");
  return work.take();
}

inline Response serve(const Handler& handler, Request request) {
  return run_at_once(handler.serve(std::move(request)));
}

inline ConnectionInfo connection_from(std::string_view peer) {
  ConnectionInfo connection;
  connection.peer = peer;
  return connection;
}

// Returns a request as the server passes it, with a target in origin-form and the client at
// 192.0.2.7.
inline Request from_client(Headers headers = {{"Host", "client.example"}},
                           std::string_view target = "/") {
  Request request(Method::get, Url::parse_target(target).value(), std::move(headers));
  MessageAccess::set_connection(request, connection_from("192.0.2.7"));
  return request;
}

// Returns each field as "name: value", in order.
inline std::vector<std::string> lines_of(const Headers& headers) {
  std::vector<std::string> lines;
  for (const Field field : headers) {
    lines.push_back(std::string(field.name) + ": " + std::string(field.value));
  }
  return lines;
}

inline std::string text_of(Body& body) {
  return run_at_once(body.read_all(std::size_t{1} << 20)).value();
}

// Content of unknown length that reports its destruction.
class Unending final : public BodySource {
 public:
  explicit Unending(bool* gone = nullptr) noexcept : gone_(gone) {}
  ~Unending() override {
    if (gone_ != nullptr) *gone_ = true;
  }
  task<Result<bytes>> read() override { co_return bytes("more"); }

 private:
  bool* gone_;
};

inline Body unending_body(bool* gone = nullptr) {
  return Body::from(std::make_unique<Unending>(gone));
}

}  // namespace onehop::test

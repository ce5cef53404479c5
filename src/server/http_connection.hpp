// SPDX-License-Identifier: Apache-2.0
//
// HttpConnection: a client's connection that speaks some version of HTTP.
#pragma once

#include <onehop/request.hpp>
#include <onehop/task.hpp>

#include "net/stream.hpp"
#include "server/client_connection.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace onehop::server {

class HttpConnection : public ClientConnection {
 public:
  HttpConnection(WorkerContext& worker,
                 std::unique_ptr<net::Stream> stream,
                 const AcceptedFrom& from);
  ~HttpConnection() override;

  const ConnectionInfo& info() const noexcept { return info_; }
  // For a request of `client` that is about to be served; std::nullopt if the client has as many in
  // progress as it may.
  std::optional<RequestTicket> enter_request(std::string_view client) const;

 protected:
  // Takes over the stream of another, which only has to be destroyed then.
  explicit HttpConnection(HttpConnection& before);  // NOLINT(google-explicit-constructor): no copy

  // Nothing will run any more: the worker destroys it soon.
  void end() noexcept;

  std::unique_ptr<net::Stream> stream_;
  ConnectionInfo info_;

 private:
  static void on_ended(void* self);

  std::array<char, 46> peer_text_{};
  ConnectionTicket ticket_;
  io::Wakeup ended_;
};

}  // namespace onehop::server

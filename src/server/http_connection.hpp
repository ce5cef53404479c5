// SPDX-License-Identifier: Apache-2.0
//
// HttpConnection: a client's connection that speaks some version of HTTP.
#pragma once

#include <onehop/request.hpp>
#include <onehop/task.hpp>

#include "net/stream.hpp"
#include "server/client_connection.hpp"
#include "server/configuration.hpp"

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

  void on_configured() noexcept override;

  const ConnectionInfo& info() const noexcept { return info_; }
  // Whether `configuration`, which may be one that its request began with, trusts the peer.
  bool has_trusted_peer(const ConfigurationRef& configuration) const;
  // For a request that is about to be served, of `client`, which the peer has named or is itself;
  // std::nullopt if the client has as many in progress as it may.
  std::optional<RequestTicket> enter_request(std::string_view client, bool peer_is_trusted) const;

 protected:
  // Takes over the stream of another, which only has to be destroyed then.
  explicit HttpConnection(HttpConnection& before);  // NOLINT(google-explicit-constructor): no copy

  // Nothing will run any more: the worker destroys it soon.
  void end() noexcept;

  std::unique_ptr<net::Stream> stream_;
  ConnectionInfo info_;

 private:
  void on_ended();

  std::array<char, 46> peer_text_{};
  ConnectionTicket ticket_;
  // Derived classes use its padding: each idle connection keeps one of these.
  [[no_unique_address]] io::Wakeup ended_;
};

}  // namespace onehop::server

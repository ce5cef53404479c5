// SPDX-License-Identifier: Apache-2.0
//
// HttpConnection is a client's connection that speaks a version of HTTP.
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
  // Reports whether `configuration`, which may be an older one, trusts the peer.
  bool has_trusted_peer(const ConfigurationRef& configuration) const;
  // Returns a ticket for a request of `client` that is about to be served, or std::nullopt if the
  // client has its maximum in progress. `client` is the peer itself, or was named by the peer.
  std::optional<RequestTicket> enter_request(std::string_view client, bool peer_is_trusted) const;

 protected:
  // Takes over the stream of `before`, which can only be destroyed afterwards.
  explicit HttpConnection(HttpConnection& before);  // NOLINT(google-explicit-constructor): no copy

  // Called when nothing will run on the connection any more. The worker destroys it soon.
  void end() noexcept;

  std::unique_ptr<net::Stream> stream_;
  ConnectionInfo info_;

 private:
  void on_ended();

  std::array<char, 46> peer_text_{};
  ConnectionTicket ticket_;
  // Derived classes use the padding of this member, since each idle connection has one.
  [[no_unique_address]] io::Wakeup ended_;
};

}  // namespace onehop::server

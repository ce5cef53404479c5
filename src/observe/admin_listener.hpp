// SPDX-License-Identifier: Apache-2.0
//
// AdminListener is a small, separate Server with one worker for the admin pages. A client that
// stalls or floods it disturbs only other clients of the same listener.
// Thread: any.
#pragma once

#include <onehop/error.hpp>
#include <onehop/handler.hpp>
#include <onehop/server.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

class AdminListener {
 public:
  struct Options {
    std::string address;  // in the form of Server::Addresses
    std::optional<TlsServerOptions> tls = {};
    std::function<void(LogLevel, std::string_view)> log = {};
    // Called when the address is open, before anything is served.
    std::function<Result<void>()> on_listening = {};
    // The socket of the address, if another process has handed it over.
    std::vector<Server::OpenSocket> open_sockets = {};
  };

  explicit AdminListener(Options options);

  // Opens the address, to serve `pages`. The detail of an error is one line with the remedy.
  Result<void> open(std::shared_ptr<const Handler> pages);
  // Starts accepting connections, which wait until then.
  void accept() { server_.accept(); }

  // Closes the address and waits at most `patience` for requests in progress.
  void finish(std::chrono::milliseconds patience);

  // Replaces the TLS options and reads their files again. If that fails, nothing changes. Once all
  // is ready, calls `then`; if it returns an error, nothing changes either. The calling thread and
  // that of the listener wait for `then`. The listener must be open, and calls must not overlap.
  Result<void> update(std::optional<TlsServerOptions> tls,
                      const std::function<Result<void>()>& then = {});

  // Returns the address, with the assigned port if port 0 was requested.
  std::string address() const;
  // Returns the server, for its metrics and its socket.
  const Server& server() const noexcept { return server_; }
  // See Server::leave_socket_files() and Server::take_socket_files().
  void leave_socket_file() { server_.leave_socket_files(); }
  void take_socket_file() { server_.take_socket_files(); }

 private:
  Options options_;
  std::shared_ptr<const Handler> pages_;
  Server server_;
};

}  // namespace onehop::observe

// SPDX-License-Identifier: Apache-2.0
//
// AdminListener: a small Server of its own for the admin pages, with one worker. A client that
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
    std::string address;  // as Server::Addresses takes it
    std::optional<TlsServerOptions> tls = {};
    std::function<void(LogLevel, std::string_view)> log = {};
    // Called when the address is open, before anything is served.
    std::function<Result<void>()> on_listening = {};
    // The socket of the address, if another process hands it over.
    std::vector<Server::OpenSocket> open_sockets = {};
  };

  explicit AdminListener(Options options);

  // Listens, to serve `pages`. The error's detail is one line that says what to do.
  Result<void> open(std::shared_ptr<const Handler> pages);
  // Accepts connections from now on: until then they wait.
  void accept() { server_.accept(); }

  // Closes the address; requests in progress have `patience` to end.
  void finish(std::chrono::milliseconds patience);

  // Replaces TLS; its files are read again. If that fails, nothing has changed. `then` is called
  // when all is ready, and what it returns decides: with an error, nothing changes here either.
  // This thread and that of the listener wait for it. One call at a time, for a listener that is
  // open.
  Result<void> update(std::optional<TlsServerOptions> tls,
                      const std::function<Result<void>()>& then = {});

  // With the assigned port if port 0 was requested.
  std::string address() const;
  // The server inside, for its numbers and its socket.
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

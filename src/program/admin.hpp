// SPDX-License-Identifier: Apache-2.0
//
// Admin: the admin listeners of a running proxy, as the configuration wants them: the unix socket
// of the commands, and the address for browsers and scrapers. They are opened before the process
// gives up its rights, and serve once it has started. The destructor closes them, after half a
// second at most for each to finish its requests. Thread: owner.
#pragma once

#include <onehop/error.hpp>
#include <onehop/handler.hpp>
#include <onehop/server.hpp>
#include <onehop/transport.hpp>

#include "config/configuration.hpp"
#include "observe/admin_actions.hpp"
#include "observe/admin_listener.hpp"
#include "observe/admin_pages.hpp"
#include "observe/log.hpp"
#include "observe/observed.hpp"
#include "observe/overview_feed.hpp"
#include "program/handover.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace onehop::program {

class Admin {
 public:
  // Opens none if the configuration has none, and reads the files that they need. The socket
  // belongs to the account that the process will change to. Clients wait until serve().
  // Everything that the arguments refer to must outlive the Admin.
  // `handed`: the sockets of an earlier process, if this one takes its place.
  static Result<Admin> open(const config::Configuration& configuration,
                            observe::Observed observed,
                            observe::Actions actions,
                            observe::Log& log,
                            std::span<const HandedSocket> handed = {});

  Admin(Admin&&) noexcept = default;
  Admin& operator=(Admin&&) = delete;
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;
  ~Admin();

  // Accepts requests: the pages may now use everything that they were given.
  void serve();

  // Follows the TLS settings of the service; the files are read again. Changes nothing else. It
  // calls `then` when all is ready, and what that returns decides: with an error, nothing changes.
  Result<void> update(const config::Configuration& configuration,
                      const std::function<Result<void>()>& then);

  // The sockets, for the process that replaces this one, which then owns their files.
  std::vector<HandedSocket> sockets() const;
  void leave_socket_files();
  // From now on this process owns the files of sockets that were handed over.
  void take_socket_files();

  // The URL to open in a browser; "" without a listener for browsers.
  const std::string& url() const noexcept { return url_; }
  // Where the commands of this process connect to; "" without a socket.
  const std::string& socket() const noexcept { return socket_; }

 private:
  using Pages = std::vector<observe::AdminPage>;

  Admin() = default;
  Result<void> open_address(const config::Configuration& configuration,
                            Pages pages,
                            observe::Log& log,
                            std::span<const HandedSocket> handed);
  Result<void> open_socket(const config::Configuration& configuration,
                           Pages pages,
                           observe::Log& log,
                           std::span<const HandedSocket> handed);

  // It serves the listeners, so it is destroyed after them.
  std::unique_ptr<observe::OverviewFeed> feed_;
  std::vector<std::unique_ptr<observe::AdminListener>> listeners_;
  observe::AdminListener* browsers_ = nullptr;  // one of them; null without an address
  std::string url_;
  std::string socket_;
};

}  // namespace onehop::program

// SPDX-License-Identifier: Apache-2.0
//
// Admin runs the admin listeners that the configuration asks for: the unix socket for the commands
// and the address for browsers and scrapers. They are opened while the process still has its
// initial privileges, and serve once the proxy has started. The destructor closes them; each gets
// at most 500 ms to finish its requests.
// Thread: owner.
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
  // Opens the configured listeners, which may be none, and reads the files that they need. The
  // socket file belongs to the account that the process will switch to. Clients wait until serve()
  // is called. Everything that the arguments refer to must outlive the Admin. `handed` has the
  // sockets of an earlier process if this process replaces one.
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

  // Begins to accept requests, whose pages use everything that was passed to open().
  void serve();

  // Applies the TLS settings of the service and reads their files again; other settings do not
  // change. Calls `then` when the new TLS settings are ready, and applies them only if `then`
  // succeeds.
  Result<void> update(const config::Configuration& configuration,
                      const std::function<Result<void>()>& then);

  // Returns the sockets for the process that replaces this one, which then owns their files.
  std::vector<HandedSocket> sockets() const;
  void leave_socket_files();
  // Makes this process the owner of the files of sockets that were handed over.
  void take_socket_files();

  // Returns the URL to open in a browser, or "" without a listener for browsers.
  const std::string& url() const noexcept { return url_; }
  // Returns the path that the commands connect to, or "" without a socket.
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

  // Declared before the listeners, which serve it, so that it is destroyed after them.
  std::unique_ptr<observe::OverviewFeed> feed_;
  std::vector<std::unique_ptr<observe::AdminListener>> listeners_;
  observe::AdminListener* browsers_ = nullptr;  // points into listeners_; null without an address
  std::string url_;
  std::string socket_;
};

}  // namespace onehop::program

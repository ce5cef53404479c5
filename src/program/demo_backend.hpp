// SPDX-License-Identifier: Apache-2.0
//
// The backend of `onehop demo`, written as a user of the library would: a page that shows the
// request, a stream, server-sent events, an echo and a WebSocket.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace onehop::program {

// The URL of the dashboard, which is known only once the proxy in front has started.
// Thread: any.
class DashboardLink {
 public:
  void set(std::string url);
  std::string url() const;  // "" until it is known

 private:
  mutable std::mutex mutex_;
  std::string url_;
};

// The page links to the dashboard if there is a link.
std::shared_ptr<const Handler> make_demo_backend(std::shared_ptr<const DashboardLink> link = {});

}  // namespace onehop::program

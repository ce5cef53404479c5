// SPDX-License-Identifier: Apache-2.0
//
// The backend of `onehop demo`, written against the public API of the library: a page that shows
// the request, a stream, server-sent events, an echo and a WebSocket.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace onehop::program {

// DashboardLink holds the URL of the dashboard, which is known only once the proxy has started.
// Thread: any.
class DashboardLink {
 public:
  void set(std::string url);
  std::string url() const;  // "" until it is known

 private:
  mutable std::mutex mutex_;
  std::string url_;
};

// Returns the handler of the backend. Its page links to the dashboard if `link` is not null.
std::shared_ptr<const Handler> make_demo_backend(std::shared_ptr<const DashboardLink> link = {});

}  // namespace onehop::program

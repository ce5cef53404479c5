// SPDX-License-Identifier: Apache-2.0
//
// HttpsRedirect is a Handler that redirects requests at a redirect:// listener to https://, and
// passes all others to the proxy's handler.
// Thread: any.
#pragma once

#include <onehop/handler.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::program {

// Filled in after the listeners are open and before serving begins; constant afterwards.
struct Redirects {
  std::vector<std::string> listeners;  // in the form of ConnectionInfo::local
  std::uint16_t https_port = 0;

  friend bool operator==(const Redirects&, const Redirects&) = default;
};

class HttpsRedirect final : public Handler {
 public:
  HttpsRedirect(std::shared_ptr<const Handler> proxy, std::shared_ptr<const Redirects> redirects)
      : proxy_(std::move(proxy)), redirects_(std::move(redirects)) {}
  task<Response> serve(Request request) const override;

 private:
  bool came_to_redirect(const ConnectionInfo& connection) const;

  std::shared_ptr<const Handler> proxy_;
  std::shared_ptr<const Redirects> redirects_;
};

}  // namespace onehop::program

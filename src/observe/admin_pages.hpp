// SPDX-License-Identifier: Apache-2.0
//
// AdminPages is the Handler of the admin listeners: a table of paths and the functions that serve
// them. It refuses requests that AdminRules do not admit.
// Thread: any; constant.
#pragma once

#include <onehop/handler.hpp>

#include "observe/admin_rules.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

enum class AdminAccess : std::uint8_t {
  read,    // GET and HEAD, at every admin listener
  change,  // POST, at the unix socket only
};

struct AdminPage {
  std::string path;  // "/metrics"
  AdminAccess access = AdminAccess::read;
  // Runs on the admin thread and must not block; see offload().
  std::function<task<Response>(Request)> serve;
};

// Returns a page with the text that `make` returns. `make` is called on the admin thread.
AdminPage text_page(std::string path, std::string content_type, std::function<std::string()> make);
// Returns a page with the response that `respond` returns. `respond` is called on the admin thread.
AdminPage response_page(std::string path, std::function<Response(const Request&)> respond);

class AdminPages final : public Handler {
 public:
  AdminPages(std::vector<AdminPage> pages, AdminRules rules);

  task<Response> serve(Request request) const override;

 private:
  const AdminPage* find(std::string_view path) const noexcept;

  std::vector<AdminPage> pages_;
  AdminRules rules_;
};

}  // namespace onehop::observe

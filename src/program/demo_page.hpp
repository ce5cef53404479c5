// SPDX-License-Identifier: Apache-2.0
//
// The pages of the demo's backend, which show the request as HTML for browsers (without external
// resources) and as text for curl. All text from the request is escaped.
// Thread: any.
#pragma once

#include <onehop/request.hpp>

#include <string>

namespace onehop::program {

// `dashboard` is the URL that the page links to; "" for no link.
std::string demo_page_html(const Request& request, const std::string& dashboard = {});
std::string demo_page_text(const Request& request);
std::string demo_not_found_html(const Request& request);

}  // namespace onehop::program

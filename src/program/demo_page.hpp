// SPDX-License-Identifier: Apache-2.0
//
// Builds the pages of the demo's backend: HTML without external resources for browsers, and text
// for curl. Text from the request is escaped in HTML.
// Thread: any.
#pragma once

#include <onehop/request.hpp>

#include <string>

namespace onehop::program {

// `dashboard` is the URL that the page links to, or "" for no link.
std::string demo_page_html(const Request& request, const std::string& dashboard = {});
std::string demo_page_text(const Request& request);
std::string demo_not_found_html(const Request& request);

}  // namespace onehop::program

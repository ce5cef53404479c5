// SPDX-License-Identifier: Apache-2.0
//
// The pages of the demo's backend: what arrived, for people (HTML, nothing loaded from elsewhere)
// and for curl (text). Everything from the request is escaped. Pure; any thread.
#pragma once

#include <onehop/request.hpp>

#include <string>

namespace onehop::program {

std::string demo_page_html(const Request& request);
std::string demo_page_text(const Request& request);
std::string demo_not_found_html(const Request& request);

}  // namespace onehop::program

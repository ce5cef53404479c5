// SPDX-License-Identifier: Apache-2.0
//
// Values of settings for readers who may not see secrets. Settings name files for their secrets;
// but any field may have one as its value, and any URL in its query. Thread: any.
#pragma once

#include <onehop/url.hpp>

#include "config/setting.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace onehop::config {

enum class Secrets : std::uint8_t { shown, hidden };

// Replaces the queries of URLs, and the values of fields, except those of a few that everyone may
// know, such as Cache-Control, and those that a request decides: "X-Real-IP: {client}".
void hide_secrets(const Setting& setting, std::vector<std::string>& values);

// A URL without its query, for the same readers.
std::string shown_url(const Url& url);

}  // namespace onehop::config

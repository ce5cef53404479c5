// SPDX-License-Identifier: Apache-2.0
//
// Hides secrets in the values of settings, for readers who may not see them. Settings take their
// secrets from files, but the value of any field and the query of any URL may contain one.
// Thread: any.
#pragma once

#include <onehop/url.hpp>

#include "config/setting.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace onehop::config {

enum class Secrets : std::uint8_t { shown, hidden };

// Replaces the queries of URLs and the values of fields by "(hidden)". Keeps the values of a few
// fields that anyone may see, such as Cache-Control, and values that come from the request alone,
// as in "X-Real-IP: {client}".
void hide_secrets(const Setting& setting, std::vector<std::string>& values);

// Returns the URL with its query hidden, for the same readers.
std::string shown_url(const Url& url);

}  // namespace onehop::config

// SPDX-License-Identifier: Apache-2.0
//
// The BACKEND argument: http://HOST[:PORT][/PATH], the same with https:// or h2c://, HOST:PORT,
// :PORT or a bare PORT for http:// (the default host is localhost), or unix:PATH. The error for any
// other text has a caret and, if possible, the URL that was probably meant.
// Thread: any.
#pragma once

#include <onehop/url.hpp>

#include "config/parsed.hpp"

#include <string_view>

namespace onehop::config {

Parsed<Url> parse_backend_url(std::string_view text);

}  // namespace onehop::config

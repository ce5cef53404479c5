// SPDX-License-Identifier: Apache-2.0
//
// Parses the BACKEND argument: http://HOST[:PORT][/PATH], the same with https:// or h2c://,
// unix:PATH, or, for http://, HOST:PORT, :PORT or a bare PORT. The default host is localhost. The
// error for any other text points at the wrong part and, if possible, suggests the URL that was
// probably meant.
// Thread: any.
#pragma once

#include <onehop/url.hpp>

#include "config/parsed.hpp"

#include <string_view>

namespace onehop::config {

Parsed<Url> parse_backend_url(std::string_view text);

}  // namespace onehop::config

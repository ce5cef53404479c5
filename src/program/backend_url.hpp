// SPDX-License-Identifier: Apache-2.0
//
// The BACKEND argument: http://HOST[:PORT][/PATH], the same with https:// and h2c://, HOST:PORT,
// :PORT or a bare PORT for http:// (without a host: localhost), or unix:PATH. What is wrong with
// any other text is shown with a caret and, where possible, with what was probably meant. Pure; any
// thread.
#pragma once

#include <onehop/url.hpp>

#include "program/parsed.hpp"

#include <string_view>

namespace onehop::program {

Parsed<Url> parse_backend_url(std::string_view text);

}  // namespace onehop::program

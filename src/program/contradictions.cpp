// SPDX-License-Identifier: Apache-2.0
#include "program/contradictions.hpp"

#include "base/ascii.hpp"
#include "program/configuration.hpp"

#include <algorithm>
#include <vector>

namespace onehop::program {
namespace {

using WasGiven = std::function<bool(std::string_view)>;

std::string about_host(const Configuration& configuration, const WasGiven& was_given) {
  const bool edits_host = std::ranges::any_of(configuration.header_up, [](const FieldEdit& edit) {
    return ascii::equals_ignoring_case(edit.name, "Host");
  });
  if (!edits_host || !was_given("host-header")) return {};
  return "--header-up 'Host: ...' and --host-header both set the Host that is sent: use one of "
         "them";
}

std::string about_fields(const Configuration& configuration) {
  if (std::string why = contradiction_in(configuration.header_up); !why.empty()) {
    return "--header-up: " + why;
  }
  if (std::string why = contradiction_in(configuration.header_down); !why.empty()) {
    return "--header-down: " + why;
  }
  return {};
}

std::string about_http2(const Configuration& configuration, const WasGiven& was_given) {
  if (!configuration.server.http2) {
    for (const char* const name : {"max-streams", "stream-window", "connection-window"}) {
      if (was_given(name)) {
        return "--" + std::string(name) + " configures HTTP/2, which --http2 off disables";
      }
    }
  }
  if (!was_given("backend-http2") || configuration.backend.scheme() == "https") return {};
  return "--backend-http2 is for a backend with https://; HTTP/2 without TLS is h2c://, and "
         "http:// is always HTTP/1.1";
}

}  // namespace

std::string find_contradiction(const Configuration& configuration, const WasGiven& was_given) {
  for (std::string why : {about_host(configuration, was_given), about_fields(configuration),
                          about_http2(configuration, was_given)}) {
    if (!why.empty()) return why;
  }
  return {};
}

}  // namespace onehop::program

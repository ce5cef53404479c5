// SPDX-License-Identifier: Apache-2.0
//
// Authentication fields of fuzzed messages: schemes that authenticate a request, and schemes that
// authenticate a connection (NTLM, Negotiate; RFC 4559), in any case, alone and among others.
// Thread: any.
#pragma once

#include "base/ascii.hpp"

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

namespace onehop::fuzz {

// Returns a field line without its line end, or "" for some choices.
inline std::string_view credentials(std::uint8_t choice) noexcept {
  constexpr std::string_view kLines[] = {
      "", "Authorization: NTLM TlRMTVNTUAAB", "authorization: negotiate YII=",
      "", "AUTHORIZATION: nTlM TlRMTVNTUAAD", "Authorization: Basic YTpi",
      "", "Authorization: NEGOTIATE"};
  return kLines[choice % std::size(kLines)];
}
inline std::string_view challenge(std::uint8_t choice) noexcept {
  constexpr std::string_view kLines[] = {"",
                                         "WWW-Authenticate: NTLM TlRMTVNTUAAC",
                                         "",
                                         "www-authenticate: Basic realm=\"x, y\", nEGOTIATE",
                                         "",
                                         "WWW-Authenticate: Basic\r\nWWW-AUTHENTICATE: ntlm",
                                         "WWW-Authenticate: Bearer realm=NTLM",
                                         "Proxy-Authenticate: Negotiate YII="};
  return kLines[choice % std::size(kLines)];
}

// Reports whether a line, or a field value that a backend received, names a connection scheme.
inline bool is_for_connection(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    c = ascii::to_lower(c);
  const std::string_view all = lower;
  return all.find("negotiate") != std::string_view::npos ||
         (all.find("ntlm") != std::string_view::npos &&
          all.find("bearer") == std::string_view::npos);
}

}  // namespace onehop::fuzz

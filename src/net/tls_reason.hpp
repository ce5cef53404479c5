// SPDX-License-Identifier: Apache-2.0
//
// What OpenSSL has to say about an error, in words. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace onehop::net {

// What OpenSSL was reading.
enum class TlsErrorIn : std::uint8_t { file, connection };

// The words for a code of ERR_get_error(3), with OpenSSL's own in brackets for those who search for
// them; OpenSSL's own where there are no better ones.
std::string words_for_tls_error(unsigned long code, TlsErrorIn where);

// What helps with a file that has another form than PEM, or holds something else: "this is a
// PKCS#12 file; `openssl pkcs12 ...` converts it". `text` is what is in the file `place`; "" if
// nothing is known of it.
std::string how_to_convert(const std::string& text, const std::string& place);

}  // namespace onehop::net

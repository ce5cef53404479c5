// SPDX-License-Identifier: Apache-2.0
//
// Words for OpenSSL's errors, for logs. Each thread has its own queue of errors. Thread: any.
#pragma once

#include <cstdint>
#include <string>

namespace onehop::net {

// Where OpenSSL met the error.
enum class TlsErrorIn : std::uint8_t { file, connection };

// Empties the queue of the calling thread. Other code in the process may have left errors there.
void forget_tls_errors() noexcept;
// Returns the words for the most recent error, or "" if the queue is empty. Empties the queue.
std::string take_tls_reason(TlsErrorIn where);

// Returns the words for a code of ERR_get_error(3), followed by OpenSSL's own text in parentheses,
// for which a reader can search. If there are no words for the code, returns OpenSSL's text only.
std::string words_for_tls_error(unsigned long code, TlsErrorIn where);

// Returns advice for a file that is not PEM or contains the wrong kind of object: "this is a
// PKCS#12 file; `openssl pkcs12 ...` converts it". `text` is the content of the file `place`.
// Returns "" if the form is not recognised.
std::string how_to_convert(const std::string& text, const std::string& place);

}  // namespace onehop::net

// SPDX-License-Identifier: Apache-2.0
//
// The times of certificates.
// Thread: any.
#pragma once

#include <chrono>

#include <openssl/asn1.h>

namespace onehop::net {

// A certificate may have any year from 0 to 9999, a time_point only some 300 around 1970: years
// before 1970 are the beginning of that, later ones than 2200 the beginning of 2200. The difference
// of two such times is a duration, too. A malformed time is 1970.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time);

}  // namespace onehop::net

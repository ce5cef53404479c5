// SPDX-License-Identifier: Apache-2.0
//
// Times in certificates.
// Thread: any.
#pragma once

#include <chrono>

#include <openssl/asn1.h>

namespace onehop::net {

// Converts a time of a certificate, limited to the years 1970 to 2200: a certificate may have any
// year from 0 to 9999, but a time_point only covers about 300 years around 1970, and the difference
// of two results must fit into a duration. Returns the beginning of 1970 for an earlier or
// malformed time, the beginning of 2200 for a later one.
std::chrono::system_clock::time_point time_of(const ASN1_TIME* time);

}  // namespace onehop::net

// SPDX-License-Identifier: Apache-2.0
//
// Describes the renewal of a certificate that onehop gets by ACME.
// Thread: any.
#pragma once

#include "acme/site_status.hpp"
#include "observe/overview.hpp"

#include <string>

namespace onehop::observe {

// Returns a text such as "renewed about 2027-01-28 by acme-v02.api.letsencrypt.org", or why the
// certificate was not renewed.
std::string renewal_text(const acme::SiteStatus& site);
// Returns how serious the state of the certificate is. For a name that has only a self-signed
// certificate, that is an error once an attempt has failed.
Overview::Concern concern_of(const acme::SiteStatus& site);

}  // namespace onehop::observe

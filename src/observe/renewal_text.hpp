// SPDX-License-Identifier: Apache-2.0
//
// The renewal of a certificate that onehop gets itself, in words.
// Thread: any.
#pragma once

#include "acme/site_status.hpp"
#include "observe/overview.hpp"

#include <string>

namespace onehop::observe {

// "renewed about 2027-01-28 by acme-v02.api.letsencrypt.org", or why there is none.
std::string renewal_text(const acme::SiteStatus& site);
// A name that has only a self-signed certificate is an error once an attempt has failed.
Overview::Concern concern_of(const acme::SiteStatus& site);

}  // namespace onehop::observe

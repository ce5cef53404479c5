// SPDX-License-Identifier: Apache-2.0
#include "acme/site_status.hpp"

#include <onehop/url.hpp>

namespace onehop::acme {

std::string shown_authority(const std::string& directory) {
  const auto url = Url::parse(directory);
  return url ? std::string(url->authority()) : directory;
}

}  // namespace onehop::acme

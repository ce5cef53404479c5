// SPDX-License-Identifier: Apache-2.0
#include "observe/renewal_text.hpp"

namespace onehop::observe {
namespace {

std::string day_of(acme::WallTime time) {
  constexpr std::size_t kDay = 10;
  return acme::to_rfc3339(time).substr(0, kDay);
}

}  // namespace

std::string renewal_text(const acme::SiteStatus& site) {
  if (site.failures > 0) {
    std::string text = site.has_certificate ? "not renewed: " : "self-signed, no certificate yet: ";
    text += site.problem;
    if (site.next_attempt)
      text += "; the next attempt is at " + acme::to_rfc3339(*site.next_attempt);
    return text;
  }
  if (!site.has_certificate) return "self-signed until an authority issues one";
  std::string text = "renewed";
  if (site.renew_at) text += " about " + day_of(*site.renew_at);
  if (!site.authority.empty()) text += " by " + site.authority;
  return text;
}

Overview::Concern concern_of(const acme::SiteStatus& site) {
  if (!site.has_certificate)
    return site.failures > 0 ? Overview::Concern::error : Overview::Concern::none;
  switch (site.urgency) {
    case acme::Urgency::none:
      break;
    case acme::Urgency::warning:
      return Overview::Concern::warning;
    case acme::Urgency::error:
      return Overview::Concern::error;
  }
  return Overview::Concern::none;
}

}  // namespace onehop::observe

// SPDX-License-Identifier: Apache-2.0
#include "observe/request_labels.hpp"

#include <onehop/status.hpp>

#include "base/check.hpp"
#include "observe/exchange_values.hpp"

#include <algorithm>
#include <utility>

namespace onehop::observe {
namespace {

constexpr std::array kMethods = {Method::get,     Method::head,  Method::post,
                                 Method::put,     Method::del,   Method::connect,
                                 Method::options, Method::trace, Method::patch};
static_assert(kMethods.size() == kOtherMethod);
constexpr std::array<std::string_view, kCodeClasses> kClasses = {"none", "1xx", "2xx",
                                                                 "3xx",  "4xx", "5xx"};

}  // namespace

std::size_t method_label(const Method& method) noexcept {
  std::size_t index = 0;
  while (index < kMethods.size() && method != kMethods[index])
    ++index;
  return index;
}

std::string_view name_of_method_label(std::size_t index) noexcept {
  return index < kMethods.size() ? kMethods[index].text() : "other";
}

std::string_view name_of_protocol_label(std::size_t index) noexcept {
  return to_string(static_cast<Version>(index));
}

std::string_view name_of_phase_label(Phase phase) noexcept {
  return phase == Phase::none ? "none" : to_string(phase);
}

std::string_view name_of_code_class(std::size_t index) noexcept {
  return kClasses[index];
}

CodeLabels::CodeLabels() {
  add("0");
  std::array<std::size_t, 10> classes{};
  for (std::size_t hundred = 1; hundred < classes.size(); ++hundred)
    classes[hundred] = add(std::to_string(hundred) + "xx");
  for (int code = 100; code < 1000; ++code) {
    const bool is_known = code == kClientGone || !Status(code).reason().empty();
    const std::size_t label =
        is_known ? add(std::to_string(code)) : classes[static_cast<std::size_t>(code / 100)];
    labels_[static_cast<std::size_t>(code)] = static_cast<std::uint8_t>(label);
    classes_[static_cast<std::size_t>(code)] = static_cast<std::uint8_t>(
        std::min<std::size_t>(static_cast<std::size_t>(code) / 100, kCodeClasses - 1));
  }
  ONEHOP_DCHECK(names_.size() <= kMax);
}

std::size_t CodeLabels::add(std::string name) {
  names_.push_back(std::move(name));
  return names_.size() - 1;
}

}  // namespace onehop::observe

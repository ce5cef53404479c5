// SPDX-License-Identifier: Apache-2.0
//
// The values of labels that depend on a request. Each is one of a fixed set, so that clients and
// upstreams cannot create series. The functions return indexes into the set.
// Thread: any; constant.
#pragma once

#include <onehop/exchange_record.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::observe {

// The registered methods of RFC 9110 and PATCH, and "other".
inline constexpr std::size_t kMethodLabels = 10;
inline constexpr std::size_t kOtherMethod = kMethodLabels - 1;
std::size_t method_label(const Method& method) noexcept;
std::string_view name_of_method_label(std::size_t index) noexcept;

inline constexpr std::size_t kProtocolLabels = 3;
inline std::size_t protocol_label(Version version) noexcept {
  return static_cast<std::size_t>(version);
}
std::string_view name_of_protocol_label(std::size_t index) noexcept;

// Returns the text of to_string(), or "none".
std::string_view name_of_phase_label(Phase phase) noexcept;

// "1xx" to "5xx", and "none" if no response was sent.
inline constexpr std::size_t kCodeClasses = 6;
std::string_view name_of_code_class(std::size_t index) noexcept;

// The registered status codes, 499 and 0. Other codes are counted in their class: "2xx".
class CodeLabels {
 public:
  static constexpr std::size_t kMax = 80;

  CodeLabels();
  std::size_t label(int code) const noexcept {
    return labels_[code >= 0 && code < 1000 ? static_cast<std::size_t>(code) : 0];
  }
  // Returns an index below kCodeClasses.
  std::size_t code_class(int code) const noexcept {
    return classes_[code >= 0 && code < 1000 ? static_cast<std::size_t>(code) : 0];
  }
  std::size_t size() const noexcept { return names_.size(); }
  const std::string& name(std::size_t index) const noexcept { return names_[index]; }

 private:
  std::size_t add(std::string name);

  std::array<std::uint8_t, 1000> labels_{};
  std::array<std::uint8_t, 1000> classes_{};
  std::vector<std::string> names_;
};

}  // namespace onehop::observe

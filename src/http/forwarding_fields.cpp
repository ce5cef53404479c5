// SPDX-License-Identifier: Apache-2.0

#include "http/forwarding_fields.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>

namespace onehop {
namespace {

struct Row {
  std::string_view name;
  ForwardingField kind;
};

// README.md lists this table too. Every other name that begins with X-Forwarded- is foreign.
constexpr std::array kTable = {
    Row{"X-Forwarded-For", ForwardingField::own},
    Row{"X-Forwarded-Host", ForwardingField::own},
    Row{"X-Forwarded-Proto", ForwardingField::own},
    Row{"X-Client-Certificate-Subject", ForwardingField::own},
    Row{"Forwarded", ForwardingField::foreign},
    Row{"X-Forwarded", ForwardingField::foreign},
    // The client's identity.
    Row{"X-Real-IP", ForwardingField::foreign},
    Row{"X-Client-IP", ForwardingField::foreign},
    Row{"Client-IP", ForwardingField::foreign},
    Row{"True-Client-IP", ForwardingField::foreign},
    Row{"X-Cluster-Client-IP", ForwardingField::foreign},
    Row{"CF-Connecting-IP", ForwardingField::foreign},
    Row{"Fastly-Client-IP", ForwardingField::foreign},
    Row{"X-Original-Forwarded-For", ForwardingField::foreign},
    Row{"X-Originating-IP", ForwardingField::foreign},
    Row{"X-Remote-IP", ForwardingField::foreign},
    Row{"X-Remote-Addr", ForwardingField::foreign},
    Row{"X-ProxyUser-IP", ForwardingField::foreign},
    Row{"Proxy-Client-IP", ForwardingField::foreign},
    Row{"WL-Proxy-Client-IP", ForwardingField::foreign},
    Row{"X-Envoy-External-Address", ForwardingField::foreign},
    Row{"CF-Connecting-IPv6", ForwardingField::foreign},
    Row{"Fly-Client-IP", ForwardingField::foreign},
    // The client's certificate (RFC 9440).
    Row{"Client-Cert", ForwardingField::foreign},
    Row{"Client-Cert-Chain", ForwardingField::foreign},
    // The original request.
    Row{"X-Original-Host", ForwardingField::foreign},
    Row{"X-Original-URL", ForwardingField::foreign},
    Row{"X-Rewrite-URL", ForwardingField::foreign},
    Row{"X-Scheme", ForwardingField::foreign},
    Row{"X-Url-Scheme", ForwardingField::foreign},
    Row{"Front-End-Https", ForwardingField::foreign},
    // The application's place in the path.
    Row{"Script-Name", ForwardingField::foreign},
    Row{"X-Script-Name", ForwardingField::foreign},
    Row{"Path-Info", ForwardingField::foreign},
    Row{"Proxy", ForwardingField::harmful},
};
constexpr std::string_view kFamily = "X-Forwarded-";

constexpr std::size_t kLongest = 31;

// The rows sorted by the length of their names, and the first row of each length.
constexpr std::array kRows = [] {
  auto rows = kTable;
  std::ranges::sort(rows, {}, [](const Row& row) { return row.name.size(); });
  return rows;
}();
constexpr std::array<std::uint8_t, kLongest + 2> kBegin = [] {
  std::array<std::uint8_t, kLongest + 2> begin{};
  for (std::size_t size = 0; size < begin.size(); ++size) {
    begin[size] = static_cast<std::uint8_t>(
        std::ranges::count_if(kTable, [size](const Row& row) { return row.name.size() < size; }));
  }
  return begin;
}();

using Lengths = std::uint32_t;

constexpr Lengths bit_for(std::size_t length) noexcept {
  return Lengths{1} << std::min(length, kLongest);
}

// For each first byte, the lengths of the names that begin with it. One look-up rejects nearly all
// other names. Lengths beyond the last bit share it.
constexpr std::array<Lengths, 256> kLengths = [] {
  std::array<Lengths, 256> lengths{};
  const auto mark = [&lengths](char first, Lengths bits) {
    lengths[static_cast<unsigned char>(first)] |= bits;
    lengths[static_cast<unsigned char>(ascii::to_lower(first))] |= bits;
  };
  for (const Row& row : kTable)
    mark(row.name.front(), bit_for(row.name.size()));
  for (std::size_t size = kFamily.size() + 1; size <= kLongest; ++size)
    mark(kFamily.front(), bit_for(size));
  return lengths;
}();

constexpr bool is_alphanumeric(char c) noexcept {
  return ascii::is_alpha(c) || ascii::is_digit(c);
}

bool is_plain(std::string_view name) noexcept {
  return std::ranges::all_of(name, [](char c) { return c == '-' || is_alphanumeric(c); });
}

ForwardingField kind_of(std::string_view name) noexcept {
  const std::size_t size = std::min(name.size(), kLongest);
  for (std::size_t i = kBegin[size]; i < kBegin[size + 1]; ++i) {
    if (is_same_to_cgi(name, kRows[i].name)) return kRows[i].kind;
  }
  const bool in_family =
      name.size() > kFamily.size() && is_same_to_cgi(name.substr(0, kFamily.size()), kFamily);
  return in_family ? ForwardingField::foreign : ForwardingField::none;
}

}  // namespace

bool is_same_to_cgi(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
    if (!is_alphanumeric(x)) return !is_alphanumeric(y);
    return ascii::to_lower(x) == ascii::to_lower(y);
  });
}

bool is_lookalike(std::string_view name, std::string_view real) noexcept {
  return is_same_to_cgi(name, real) && !is_plain(name);
}

ForwardingField forwarding_field(FieldId id, std::string_view name) noexcept {
  if (id != FieldId::unknown && !has_flag(id, claims)) return ForwardingField::none;
  if (name.empty()) return ForwardingField::none;
  const auto first = static_cast<unsigned char>(name.front());
  if ((kLengths[first] & bit_for(name.size())) == 0) return ForwardingField::none;
  const ForwardingField kind = kind_of(name);
  if (kind == ForwardingField::none) return kind;
  return is_plain(name) ? kind : ForwardingField::lookalike;
}

}  // namespace onehop

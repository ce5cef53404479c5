// SPDX-License-Identifier: Apache-2.0

#include "http/media_type.hpp"

#include "base/ascii.hpp"
#include "http/list_value.hpp"

#include <array>
#include <cstddef>

namespace onehop {
namespace {

std::string_view without_parameters(std::string_view text) noexcept {
  return ascii::trim_blanks(text.substr(0, text.find(';')));
}

// Returns the qvalue in thousandths (RFC 9110 §12.4.2): 0 if it is malformed, 1000 if it is absent.
int weight_of(std::string_view media_range) noexcept {
  std::size_t at = media_range.find(';');
  while (at != std::string_view::npos) {
    media_range.remove_prefix(at + 1);
    at = media_range.find(';');
    const std::string_view parameter = ascii::trim_blanks(media_range.substr(0, at));
    if (!ascii::starts_with_ignoring_case(parameter, "q=")) continue;
    const std::string_view digits = parameter.substr(2);
    if (digits.empty() || (digits[0] != '0' && digits[0] != '1')) return 0;
    if (digits[0] == '1') return 1000;
    int weight = 0;
    for (std::size_t i = 2; i < 5; ++i) {
      const bool given = i < digits.size() && ascii::is_digit(digits[i]);
      weight = weight * 10 + (given ? digits[i] - '0' : 0);
    }
    return weight;
  }
  return 1000;
}

struct Candidate {
  ErrorFormat format;
  std::string_view type;
  std::string_view range;
};
// In the order that applies if the client does not prefer one.
constexpr std::array<Candidate, 3> kCandidates = {
    {{ErrorFormat::text, "text/plain", "text/*"},
     {ErrorFormat::html, "text/html", "text/*"},
     {ErrorFormat::json, "application/json", "application/*"}}};

// The client's preference for one candidate, from the most specific range that matches.
struct Wish {
  int specificity = -1;  // 2 for the type itself, 1 for type/*, 0 for */*
  int weight = 0;
  int place = 0;  // position in the list

  bool beats(const Wish& other) const noexcept {
    if (weight != other.weight) return weight > other.weight;
    if (specificity != other.specificity) return specificity > other.specificity;
    return specificity == 2 && place < other.place;
  }
};

int specificity_of(std::string_view range, const Candidate& candidate) noexcept {
  if (ascii::equals_ignoring_case(range, candidate.type)) return 2;
  if (ascii::equals_ignoring_case(range, candidate.range)) return 1;
  return range == "*/*" ? 0 : -1;
}

Wish wish_for(const Candidate& candidate, std::string_view accept) noexcept {
  Wish wish;
  int place = 0;
  for (const std::string_view member : ListMembers(accept)) {
    ++place;
    const int specificity = specificity_of(without_parameters(member), candidate);
    if (specificity <= wish.specificity) continue;
    wish = {.specificity = specificity, .weight = weight_of(member), .place = place};
  }
  return wish;
}

}  // namespace

bool is_event_stream(std::string_view content_type) noexcept {
  return ascii::equals_ignoring_case(without_parameters(content_type), "text/event-stream");
}

bool is_grpc(std::string_view content_type) noexcept {
  constexpr std::string_view kType = "application/grpc";
  const std::string_view type = without_parameters(content_type);
  if (!ascii::starts_with_ignoring_case(type, kType)) return false;
  return type.size() == kType.size() || type[kType.size()] == '+';
}

ErrorFormat preferred_error_format(std::string_view accept) noexcept {
  ErrorFormat format = ErrorFormat::text;
  Wish best;
  for (const Candidate& candidate : kCandidates) {
    const Wish wish = wish_for(candidate, accept);
    if (wish.weight == 0 || !wish.beats(best)) continue;
    best = wish;
    format = candidate.format;
  }
  return format;
}

}  // namespace onehop

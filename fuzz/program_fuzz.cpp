// SPDX-License-Identifier: Apache-2.0
//
// Reads the inputs of the program: the WebSocket frames of the demo's visitors, flags and
// environment. Input: a kind, then bytes.

#include <onehop/headers.hpp>
#include <onehop/request.hpp>

#include "base/check.hpp"
#include "base/json_text.hpp"
#include "base/utf8.hpp"
#include "config/backend_url.hpp"
#include "config/field_edit.hpp"
#include "config/field_template.hpp"
#include "config/quantities.hpp"
#include "fuzz_one.hpp"
#include "program/websocket_frames.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::fuzz {
namespace {

using namespace onehop::config;   // NOLINT(google-build-using-namespace)
using namespace onehop::program;  // NOLINT(google-build-using-namespace)

// Checks that frames are unmasked, whole and of the shortest length, and that none follows a close.
void check_frames(std::string_view answer, bool ended) {
  bool closed = false;
  while (!answer.empty()) {
    ONEHOP_CHECK(!closed && answer.size() >= 2);
    const auto byte = [&answer](std::size_t i) { return static_cast<std::uint8_t>(answer[i]); };
    const unsigned opcode = byte(0) & 0x0fU;
    ONEHOP_CHECK((byte(0) & 0xf0U) == 0x80U && byte(1) < 128);
    const std::size_t wide = byte(1) == 126 ? 2U : byte(1) == 127 ? 8U : 0U;
    std::uint64_t size = wide == 0 ? byte(1) : 0;
    ONEHOP_CHECK(answer.size() >= 2 + wide);
    for (std::size_t i = 0; i < wide; ++i)
      size = (size << 8U) | byte(2 + i);
    ONEHOP_CHECK(wide != 2 || size > 125);
    ONEHOP_CHECK(wide != 8 || size > 65535);
    answer.remove_prefix(2 + wide);
    ONEHOP_CHECK(answer.size() >= size);
    if (opcode == 1) ONEHOP_CHECK(is_utf8(answer.substr(0, size)));
    ONEHOP_CHECK(opcode == 1 || opcode == 2 || (size <= 125 && (opcode == 8 || opcode == 10)));
    closed = opcode == 8;
    answer.remove_prefix(size);
  }
  ONEHOP_CHECK(closed == ended);
}

void check_websocket(std::string_view input) {
  WebSocketFrames whole;
  std::string answer;
  whole.receive(input, answer);
  check_frames(answer, whole.has_ended());
  WebSocketFrames pieces;
  std::string in_pieces;
  for (const char& c : input)
    pieces.receive({&c, 1}, in_pieces);
  ONEHOP_CHECK(in_pieces == answer && pieces.has_ended() == whole.has_ended());
}

// Checks that every suggestion in an error is a valid value.
template <class T>
void check_proposal(const Parsed<T>& refused, Parsed<T> (*parse)(std::string_view)) {
  constexpr std::string_view kProposes = "did you mean ";
  const auto at = refused.error().rfind(kProposes);
  if (at == std::string::npos) return;
  const std::string meant = refused.error().substr(at + kProposes.size());
  ONEHOP_CHECK(meant.ends_with('?') && parse(std::string_view(meant).substr(0, meant.size() - 1)));
}

void check_proposals(std::string_view text) {
  if (text.find("did you mean") != std::string_view::npos) return;  // an error quotes it
  if (const auto duration = parse_duration(text); !duration) {
    check_proposal(duration, &parse_duration);
  }
  if (const auto size = parse_size(text); !size) check_proposal(size, &parse_size);
  if (const auto share = parse_share(text); !share) check_proposal(share, &parse_share);
  if (const auto count = parse_count(text); !count) check_proposal(count, &parse_count);
}

void check_quantities(std::string_view text) {
  check_proposals(text);
  if (const auto duration = parse_duration(text)) {
    ONEHOP_CHECK(duration->count() >= 0);
    const auto again = parse_duration(format_duration(*duration));
    // Fractions of a millisecond are not written.
    if (duration->count() % 1'000'000 == 0) ONEHOP_CHECK(again && *again == *duration);
  }
  if (const auto size = parse_size(text)) {
    const auto again = parse_size(format_size(*size));
    ONEHOP_CHECK(again && *again == *size);
  }
  if (const auto share = parse_share(text)) ONEHOP_CHECK(*share >= 0 && *share <= 1);
}

void check_edit(std::string_view text) {
  const auto edit = parse_field_edit(text);
  if (!edit) {
    ONEHOP_CHECK(!edit.error().empty());
    return;
  }
  Headers headers{{"X", "y"}};
  if (edit->value.has_placeholders()) {
    const Request request(Method(), Url(), Headers{{"Host", "h"}});
    const auto known = expand_edits({*edit}, RequestFacts{request, true});
    apply_edits(known, headers);
    ONEHOP_CHECK(headers.has(edit->name) == !known.front().value.empty());
    return;
  }
  apply_edits(std::vector<FieldEdit>{*edit}, headers);
  ONEHOP_CHECK(headers.has(edit->name) == !edit->removes);
  if (!edit->removes) ONEHOP_CHECK(headers.get_or_empty(edit->name) == edit->value.text());
}

void check_backend(std::string_view text) {
  const auto url = parse_backend_url(text);
  if (!url) {
    ONEHOP_CHECK(!url.error().empty());
    return;
  }
  // Two slashes at the start of the path would be read as those after the scheme of a URL.
  if (url->socket_path().starts_with("//")) return;
  const auto again = Url::parse(url->to_string());
  ONEHOP_CHECK(url->is_absolute() && again && again->to_string() == url->to_string());
}

// Checks that the text between the quotes is UTF-8 without a control character, a quote or a lone
// backslash.
void check_json(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  ONEHOP_CHECK(json.size() >= 2 && json.front() == '"' && json.back() == '"' && is_utf8(json));
  const std::string_view inside = std::string_view(json).substr(1, json.size() - 2);
  for (std::size_t i = 0; i < inside.size(); ++i) {
    ONEHOP_CHECK(static_cast<unsigned char>(inside[i]) >= 0x20 && inside[i] != '"');
    if (inside[i] != '\\') continue;
    ONEHOP_CHECK(++i < inside.size());
    ONEHOP_CHECK(std::string_view("\"\\/bfnrtu").find(inside[i]) != std::string_view::npos);
    i += inside[i] == 'u' ? 4 : 0;
    ONEHOP_CHECK(i < inside.size());
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  if (input.empty()) return;
  switch (take_byte(input)) {
    case 'q':
      check_quantities(input);
      break;
    case 'e':
      check_edit(input);
      break;
    case 'b':
      check_backend(input);
      break;
    case 'j':
      check_json(input);
      break;
    default:
      check_websocket(input);
  }
}

}  // namespace onehop::fuzz

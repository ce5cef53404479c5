// SPDX-License-Identifier: Apache-2.0
#include "http/answer_framing.hpp"

#include "http/field_names.hpp"
#include "http/header_lines.hpp"

namespace onehop {

AnswerFraming answer_framing(const Method& method, const Response& response) {
  using Content = AnswerFraming::Content;
  AnswerFraming framing;
  const Body& body = response.body();
  const auto length = body.length();
  const bool has_length_field = HeaderLines(response.headers()).has(FieldId::content_length);
  const bool is_head = method == Method::head;
  if (!is_head && !response.status().forbids_body()) {
    framing.length = length;
    if (length != 0) {
      framing.content = length ? Content::of_length : Content::unbounded;
    } else {
      framing.is_length_implied = body.is_empty() && !has_length_field;
    }
    return framing;
  }
  framing.keeps_content_length = is_head || response.status() == Status::not_modified;
  // A length of 0 means that the response came without content, not that a GET would return none.
  if (is_head && !has_length_field && length != 0) framing.length = length;
  return framing;
}

}  // namespace onehop

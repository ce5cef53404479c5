// SPDX-License-Identifier: Apache-2.0
#include "http/sent_content.hpp"

#include "http/field_names.hpp"

namespace onehop {

SentContent content_to_send(const Method& method, const Response& response) {
  SentContent content;
  const Body& body = response.body();
  const auto length = body.length();
  const bool is_head = method == Method::head;
  if (!is_head && !response.status().forbids_body()) {
    content.is_there = length != 0;
    content.length = length;
    return content;
  }
  content.keeps_received_length = is_head || response.status() == Status::not_modified;
  const bool says_length = response.headers().has(field::content_length);
  if (is_head && !says_length && !body.is_empty()) content.length = length;
  return content;
}

}  // namespace onehop

// SPDX-License-Identifier: Apache-2.0
//
// What nghttp2 calls, and what is submitted to it. Only the sources of this folder know it.
// One thread for each session; the table of callbacks is shared and constant.
#pragma once

#include "http/h2/session_state.hpp"

struct nghttp2_session_callbacks;

namespace onehop::h2 {

// A struct, so that Stream has one friend to name.
struct Callbacks {
  static const nghttp2_session_callbacks* table();
  // More CONTINUATION frames than that no header block within what is read can have.
  static std::size_t most_continuations(const FieldLimits& limits) noexcept;

  static void submit_informational(SessionState& state, Stream& stream, const FieldList& fields);
  static void submit_response(SessionState& state,
                              Stream& stream,
                              const FieldList& fields,
                              bool end);
  // False when the session takes no more streams.
  static bool submit_request(SessionState& state,
                             Stream& stream,
                             const FieldList& fields,
                             bool end);

  class Implementation;
};

}  // namespace onehop::h2

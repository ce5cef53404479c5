// SPDX-License-Identifier: Apache-2.0
//
// Callbacks holds the callbacks that nghttp2 calls, and submits frames to nghttp2. Only the sources
// of this folder include this header. The table of callbacks is shared and constant.
// Thread: owner.
#pragma once

#include "http/h2/session_state.hpp"

struct nghttp2_session_callbacks;

namespace onehop::h2 {

// Returns the session state that nghttp2 passes to each callback as `user_data`.
inline SessionState& state_of(void* user_data) noexcept {
  return *static_cast<SessionState*>(user_data);
}

// A struct, so that Stream needs to name only one friend.
struct Callbacks {
  static const nghttp2_session_callbacks* table();
  // Returns the maximum number of CONTINUATION frames in a header block within `limits`.
  static std::size_t max_continuations(const FieldLimits& limits) noexcept;

  static void submit_informational(SessionState& state, Stream& stream, const FieldList& fields);
  static void submit_response(SessionState& state,
                              Stream& stream,
                              const FieldList& fields,
                              bool end);
  // Returns false if the session accepts no more streams.
  static bool submit_request(SessionState& state,
                             Stream& stream,
                             const FieldList& fields,
                             bool end);

 private:
  class Receiving;
  class Sending;
  static void set_sending_callbacks(nghttp2_session_callbacks* table);
};

}  // namespace onehop::h2

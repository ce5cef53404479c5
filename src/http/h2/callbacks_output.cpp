// SPDX-License-Identifier: Apache-2.0
//
// The sending half of callbacks.hpp.
#include "base/c_callback.hpp"
#include "http/h2/callbacks.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {
namespace {

constexpr std::size_t kFrameHead = 9;

// Returns the list in nghttp2's form. It is valid until the next call on this thread.
std::vector<nghttp2_nv>& lines_of(const FieldList& fields, std::uint8_t flags) {
  static thread_local std::vector<nghttp2_nv> lines;
  lines.clear();
  const auto data = [](std::string_view text) {
    // NOLINTNEXTLINE: nghttp2 does not write to them
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const Field& field : fields) {
    lines.push_back(
        {data(field.name), data(field.value), field.name.size(), field.value.size(), flags});
  }
  return lines;
}

constexpr std::uint8_t kNoCopy = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

}  // namespace

// NOLINTBEGIN(readability-function-size): nghttp2 says how many parameters there are
class Callbacks::Sending {
 public:
  // Wraps a callback so that an exception ends the connection.
  template <auto kFunction>
  static constexpr auto guarded = &CCallback<kFunction, NGHTTP2_ERR_CALLBACK_FAILURE>::call;

  static void set(nghttp2_session_callbacks* table) {
    nghttp2_session_callbacks_set_before_frame_send_callback(table, guarded<on_before_frame_sent>);
    nghttp2_session_callbacks_set_on_frame_send_callback(table, guarded<on_frame_sent>);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(table, guarded<on_frame_not_sent>);
    nghttp2_session_callbacks_set_send_data_callback(table, guarded<send_data>);
  }

  // Reports how much content the next DATA frame takes; send_data() copies it.
  static ssize_t read_content(nghttp2_session*,
                              std::int32_t id,
                              std::uint8_t*,
                              std::size_t max_size,
                              std::uint32_t* flags,
                              nghttp2_data_source*,
                              void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(id);
    if (!stream) {
      return state.is_withheld(id) ? NGHTTP2_ERR_DEFERRED : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const std::size_t size = std::min(stream->unsent(), max_size);
    const bool all = size == stream->unsent() && stream->given_ == Stream::Part::all;
    if (size == 0 && !all) {
      stream->deferred_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    if (size > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!all) return static_cast<ssize_t>(size);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream->trailers_to_send_.empty()) {
      const auto& lines = lines_of(stream->trailers_to_send_, kNoCopy);
      const int submitted = nghttp2_submit_trailer(state.session, id, lines.data(), lines.size());
      if (submitted != 0) {  // a message without its trailers would look complete
        state.give_up_sending(*stream, nghttp2_strerror(submitted));
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
      }
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    }
    return static_cast<ssize_t>(size);
  }

 private:
  static int on_before_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    SessionState& state = state_of(user_data);
    if (state.role == Role::server || frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = state.find(frame->hd.stream_id)) stream->mark_sent(Stream::Part::head);
    return 0;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type == NGHTTP2_HEADERS) count_interim_sent(state_of(user_data), *frame);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    SessionState& state = state_of(user_data);
    Stream* const stream = state.find(frame->hd.stream_id);
    if (!stream) return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    stream->mark_sent(Stream::Part::all);
    state.queue_events(*stream);
    return 0;
  }

  static void count_interim_sent(SessionState& state, const nghttp2_frame& frame) {
    Stream* const stream = state.find(frame.hd.stream_id);
    if (!stream || stream->unsent_interim_ == 0) return;
    const std::span<const nghttp2_nv> lines(frame.headers.nva, frame.headers.nvlen);
    if (lines.empty() || lines[0].valuelen == 0 || *lines[0].value != '1') return;
    for (const nghttp2_nv& line : lines)
      stream->unsent_interim_ -= Stream::interim_cost(line.namelen, line.valuelen);
  }

  // nghttp2 itself closes a request that it did not send because the peer sent GOAWAY or the stream
  // was cancelled first. The peer would never learn that any other frame failed.
  static int on_frame_not_sent(nghttp2_session*,
                               const nghttp2_frame* frame,
                               int why,
                               void* user_data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (why == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED || why == NGHTTP2_ERR_STREAM_CLOSING ||
        why == NGHTTP2_ERR_STREAM_CLOSED) {
      return 0;
    }
    SessionState& state = state_of(user_data);
    Stream* const stream = state.find(frame->hd.stream_id);
    if (!stream) return 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream->send_problem_ =
          nghttp2_strerror(why);  // closed without a reset: the peer never saw the stream
    } else {
      state.give_up_sending(*stream, nghttp2_strerror(why));
    }
    return 0;
  }

  static int send_data(nghttp2_session*,
                       nghttp2_frame* frame,
                       const std::uint8_t* head,
                       std::size_t size,
                       nghttp2_data_source*,
                       void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(frame->hd.stream_id);
    // The frame did not fit earlier, and its stream has been destroyed or reset since.
    if (!stream || stream->unsent() < size) {
      state.release_reset(frame->hd.stream_id);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    // Leave room for the frame that may follow this one.
    if (state.out_capacity - state.out_size < kFrameHead + size + Session::kMinMemory / 2) {
      return NGHTTP2_ERR_WOULDBLOCK;
    }
    char* out = state.out + state.out_size;
    std::memcpy(out, head, kFrameHead);
    std::memcpy(out + kFrameHead, stream->to_send_.data() + stream->to_send_at_, size);
    state.out_size += kFrameHead + size;
    stream->to_send_at_ += size;
    stream->sent_bytes_ += size;
    if (stream->unsent() == 0) {
      state.guard.count_all_sent();
    } else {
      state.guard.count_content(size);
    }
    if (stream->notify_below_ && stream->unsent() <= stream->low_) {
      stream->notify_below_ = false;
      state.queue_events(*stream);
    }
    return 0;
  }
};
// NOLINTEND(readability-function-size)

void Callbacks::set_sending_callbacks(nghttp2_session_callbacks* table) {
  Sending::set(table);
}

void Callbacks::submit_informational(SessionState& state, Stream& stream, const FieldList& fields) {
  const auto& lines = lines_of(fields, NGHTTP2_NV_FLAG_NONE);
  const std::int32_t submitted = nghttp2_submit_headers(
      state.session, NGHTTP2_FLAG_NONE, stream.id(), nullptr, lines.data(), lines.size(), nullptr);
  if (submitted < 0) state.give_up_sending(stream, nghttp2_strerror(submitted));
}

void Callbacks::submit_response(SessionState& state,
                                Stream& stream,
                                const FieldList& fields,
                                bool end) {
  const auto& lines = lines_of(fields, kNoCopy);
  nghttp2_data_provider content{};
  content.read_callback = Sending::guarded<Sending::read_content>;
  const int submitted = nghttp2_submit_response(state.session, stream.id(), lines.data(),
                                                lines.size(), end ? nullptr : &content);
  if (submitted != 0) state.give_up_sending(stream, nghttp2_strerror(submitted));
}

bool Callbacks::submit_request(SessionState& state,
                               Stream& stream,
                               const FieldList& fields,
                               bool end) {
  const auto& lines = lines_of(fields, kNoCopy);
  nghttp2_data_provider content{};
  content.read_callback = Sending::guarded<Sending::read_content>;
  const std::int32_t id =
      nghttp2_submit_request(state.session, nullptr, lines.data(), lines.size(),
                             end ? nullptr : &content, SessionState::entry_of(stream));
  if (id < 0) return false;
  state.enter(stream, id);
  state.expect_content(stream);
  const std::string_view method = fields.front().value;  // write_request() puts the method first
  if (method == "HEAD") stream.asked_ = Stream::Asked::head;
  if (method == "CONNECT") stream.asked_ = Stream::Asked::tunnel;
  stream.mark_given(end ? Stream::Part::all : Stream::Part::head);
  return true;
}

}  // namespace onehop::h2

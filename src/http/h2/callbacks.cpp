// SPDX-License-Identifier: Apache-2.0

#include "http/h2/callbacks.hpp"

#include "base/c_callback.hpp"
#include "base/held_memory.hpp"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {
namespace {

// kMaxSmallContinuations is the maximum number of small CONTINUATION frames in a header block. The
// block may be as large as the fields worth reading plus their coding, so that a block over the
// limits is refused with a response and costs only that request.
constexpr std::size_t kMaxSmallContinuations = 32;
constexpr std::size_t kNotSmall = 1024;
constexpr std::size_t kBlockSlack = 16 * 1024;

std::size_t max_block_size(const FieldLimits& limits) noexcept {
  return FieldSection::max_worth_reading(limits) + kBlockSlack;
}

// The size of a typical head. Larger heads are refused while memory is short.
constexpr std::size_t kUsualHead = 16 * 1024;

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

// NOLINTBEGIN(readability-function-size): nghttp2 says how many parameters there are
class Callbacks::Receiving {
 public:
  // Wraps a callback so that an exception ends the connection.
  template <auto kFunction>
  static constexpr auto guarded = &CCallback<kFunction, NGHTTP2_ERR_CALLBACK_FAILURE>::call;

  static nghttp2_session_callbacks* make_table() {
    nghttp2_session_callbacks* table = nullptr;
    if (nghttp2_session_callbacks_new(&table) != 0) throw std::bad_alloc();
    nghttp2_session_callbacks_set_on_begin_frame_callback(table, guarded<on_begin_frame>);
    nghttp2_session_callbacks_set_on_begin_headers_callback(table, guarded<on_begin_headers>);
    nghttp2_session_callbacks_set_on_header_callback(table, guarded<on_header>);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, guarded<on_data>);
    nghttp2_session_callbacks_set_on_frame_recv_callback(table, guarded<on_frame>);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table, guarded<on_invalid_frame>);
    nghttp2_session_callbacks_set_on_stream_close_callback(table, guarded<on_close>);
    set_sending_callbacks(table);
    return table;
  }

 private:
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    SessionState& state = state_of(user_data);
    switch (head->type) {
      case NGHTTP2_DATA:
        if (head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM) != 0) return 0;
        break;
      case NGHTTP2_HEADERS:
        state.continuations = 0;
        state.block_bytes = head->length;
        // A client decides when it reads responses, so late responses are not the upstream's fault.
        if (state.role == Role::client) return 0;
        if (state.record_number(head->stream_id) || state.find(head->stream_id)) return 0;
        if (state.was_passed_over(head->stream_id)) {
          state.fail(ErrorCode::protocol_error, "a stream number lower than an earlier one");
          return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        break;  // sent before our reset or refusal arrived; nghttp2 ignores it
      case NGHTTP2_CONTINUATION:
        state.block_bytes += head->length;
        if (head->length < kNotSmall) ++state.continuations;
        if (state.continuations <= kMaxSmallContinuations &&
            state.block_bytes <= max_block_size(state.limits.fields)) {
          return 0;
        }
        state.fail(ErrorCode::enhance_your_calm, "an endless header block");
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      default:
        break;
    }
    if (state.guard.allow_control_frame(state.now)) return 0;
    state.fail(ErrorCode::enhance_your_calm, "too many frames without progress");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int on_begin_headers(nghttp2_session* session,
                              const nghttp2_frame* frame,
                              void* user_data) {
    SessionState& state = state_of(user_data);
    const std::int32_t id = frame->hd.stream_id;
    Stream* stream = state.find(id);
    if (!stream) {
      if (state.role != Role::server || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
      stream = state.observer.on_request();
      if (!stream) {
        state.submit_reset(id, ErrorCode::refused_stream);
        return 0;
      }
      state.guard.count_stream(state.now);
      state.enter(*stream, id);
      nghttp2_session_set_stream_user_data(session, id, SessionState::entry_of(*stream));
      begin_section(state, *stream, FieldSection::Kind::request);
      return 0;
    }
    if (stream->problem_) return 0;
    const bool trailers = state.role == Role::server || stream->got_ >= Stream::Part::head;
    if (trailers && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
      refuse(state, *stream, "trailers that do not end the stream");
      return 0;
    }
    begin_section(state, *stream,
                  trailers ? FieldSection::Kind::trailers : FieldSection::Kind::response);
    return 0;
  }

  static void begin_section(SessionState& state, Stream& stream, FieldSection::Kind kind) {
    const Side side = state.role == Role::server ? Side::client : Side::upstream;
    auto& section = kind == FieldSection::Kind::trailers ? stream.trailers_ : stream.section_;
    section.emplace(kind, side, stream.arena_, state.limits.fields);
    if (kind == FieldSection::Kind::response) section->keep_interim_in(stream.interim_);
  }

  // RFC 9113 §8.1.1: a malformed message is a stream error. Its content is dropped.
  static void refuse(SessionState& state,
                     Stream& stream,
                     const char* problem,
                     ErrorCode code = ErrorCode::protocol_error) {
    if (stream.problem_) return;
    stream.problem_ = problem;
    stream.informational_.clear();
    stream.interim_ = {};
    stream.drop_unread();
    state.submit_reset(stream.id_, code);
  }

  static FieldSection* open_section(Stream& stream) {
    if (stream.problem_) return nullptr;
    if (stream.trailers_) return &*stream.trailers_;
    return stream.section_ && stream.got_ == Stream::Part::nothing ? &*stream.section_ : nullptr;
  }

  static int on_header(nghttp2_session*,
                       const nghttp2_frame* frame,
                       const std::uint8_t* name,
                       std::size_t name_size,
                       const std::uint8_t* value,
                       std::size_t value_size,
                       std::uint8_t,
                       void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(frame->hd.stream_id);
    if (!stream) return 0;
    FieldSection* const section = open_section(*stream);
    if (!section) return 0;
    section->add(text_of(name, name_size), text_of(value, value_size));
    // The callback does not make nghttp2 reset the stream, because nghttp2 does not report the
    // length of a block that it ignores.
    if (section->problem()) {
      refuse(state, *stream, section->problem());
      return 0;
    }
    if (section->size() > kUsualHead && memory_is_short()) {
      refuse(state, *stream, Stream::kMemoryIsShort, ErrorCode::refused_stream);
      return 0;
    }
    if (!section->is_far_over_limit()) return 0;
    // A single byte can expand to kilobytes, so the rest is decompressed but not examined.
    refuse(state, *stream, "a head many times larger than the limits",
           ErrorCode::enhance_your_calm);
    return 0;
  }

  static int on_data(nghttp2_session*,
                     std::uint8_t,
                     std::int32_t id,
                     const std::uint8_t* data,
                     std::size_t size,
                     void* user_data) {
    SessionState& state = state_of(user_data);
    state.guard.count_content(size);
    Stream* stream = state.find(id);
    if (!stream) {
      state.pass_over(size);
      return 0;
    }
    if (state.role == Role::client && stream->got_ == Stream::Part::nothing) {
      refuse(state, *stream, "content before the head");
    }
    state.count_received(*stream, size);
    if (stream->received_bytes_ > stream->expected_bytes_) {
      refuse(state, *stream, "more content than Content-Length");
    }
    if (stream->dropping_) return 0;
    stream->keep(text_of(data, size));
    state.queue_events(*stream);
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    SessionState& state = state_of(user_data);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: {
        Stream* stream = state.find(frame->hd.stream_id);
        if (!stream) return 0;
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (frame->hd.type == NGHTTP2_HEADERS) {
          end_section(state, *stream);
          if (state.role == Role::server && !ends) state.expect_content(*stream);
        }
        if (ends) end_message(state, *stream);
        state.queue_events(*stream);
        return 0;
      }
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
          state.settings_known = true;
          state.observer.on_settings();
        }
        return 0;
      case NGHTTP2_PING:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) state.observer.on_ping_answered();
        return 0;
      case NGHTTP2_GOAWAY:
        state.observer.on_goaway(frame->goaway.last_stream_id, ErrorCode(frame->goaway.error_code));
        return 0;
      default:
        return 0;
    }
  }

  // nghttp2 itself refuses a request over max_streams. If the peer has acknowledged the limit,
  // nghttp2 ends the connection.
  static int on_invalid_frame(nghttp2_session* session,
                              const nghttp2_frame* frame,
                              int error,
                              void* user_data) {
    SessionState& state = state_of(user_data);
    const bool is_request = state.role == Role::server && frame->hd.type == NGHTTP2_HEADERS &&
                            frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (!is_request) return 0;
    const std::uint32_t acknowledged =
        nghttp2_session_get_local_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    const bool is_over_limit = error == NGHTTP2_ERR_REFUSED_STREAM ||
                               (error == NGHTTP2_ERR_PROTO && state.streams >= acknowledged);
    if (is_over_limit) state.observer.on_stream_refused();
    return 0;
  }

  static void end_section(SessionState& state, Stream& stream) {
    if (stream.problem_ || stream.trailers_ || !stream.section_) return;
    if (const char* problem = stream.section_->finish()) return refuse(state, stream, problem);
    if (stream.section_->is_informational()) return end_interim(state, stream);
    stream.mark_received(Stream::Part::head);
    stream.expected_bytes_ = expected_bytes(state.role, stream);
  }

  // Interim responses are counted on arrival, because they use memory until they are taken.
  static void end_interim(SessionState& state, Stream& stream) {
    if (++stream.interims_ > state.limits.max_informational) {
      return refuse(state, stream, "too many 1xx responses");
    }
    if (!stream.section_->is_dropped()) {
      stream.informational_.push_back(std::move(*stream.section_));
    }
    stream.section_.reset();
  }

  static std::uint64_t expected_bytes(Role role, const Stream& stream) {
    const FieldSection& head = *stream.section_;
    if (role == Role::client) {
      const std::string_view status = head.status();
      if (stream.asked_ == Stream::Asked::tunnel && status.starts_with('2')) {
        return Stream::kAnyLength;
      }
      if (stream.asked_ == Stream::Asked::head || status == "204" || status == "304") return 0;
    }
    return head.content_length().value_or(Stream::kAnyLength);
  }

  static void end_message(SessionState& state, Stream& stream) {
    if (stream.problem_) return;
    if (stream.got_ == Stream::Part::nothing) {
      return refuse(state, stream, "the stream ended before the final head");
    }
    const bool is_short = stream.expected_bytes_ != Stream::kAnyLength &&
                          stream.received_bytes_ < stream.expected_bytes_;
    if (is_short) return refuse(state, stream, "less content than Content-Length");
    stream.mark_received(Stream::Part::all);
    state.expect_no_more(stream);
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(id);
    if (!stream) {
      state.close_dead(id);
      return 0;
    }
    stream->close_code_ = ErrorCode(code);
    const bool was_reset_by_us = stream->life_ == Stream::Life::reset;
    state.close(*stream);
    // A reset may also carry NO_ERROR.
    const bool answered =
        (state.role == Role::server ? stream->given_ : stream->got_) >= Stream::Part::head;
    if (answered) {
      if (code == NGHTTP2_NO_ERROR) state.guard.count_response();
    } else if (state.role == Role::server && !was_reset_by_us &&
               stream->problem_ != Stream::kMemoryIsShort && !state.guard.allow_early_end()) {
      state.fail(ErrorCode::enhance_your_calm, "most requests are reset before their response");
    }
    return 0;
  }
};
// NOLINTEND(readability-function-size)

std::size_t Callbacks::max_continuations(const FieldLimits& limits) noexcept {
  return kMaxSmallContinuations + max_block_size(limits) / kNotSmall;
}

const nghttp2_session_callbacks* Callbacks::table() {
  static const nghttp2_session_callbacks* const table = Receiving::make_table();
  return table;
}

}  // namespace onehop::h2

// SPDX-License-Identifier: Apache-2.0

#include "http/h2/callbacks.hpp"

#include "base/c_callback.hpp"
#include "base/held_memory.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {
namespace {

// The most small pieces one header block may come in, and what is not small. The block itself may
// be as large as what is worth reading of its fields, and room for how they are coded: what is past
// the limits is refused with an answer, and costs that request alone.
constexpr std::size_t kMaxSmallContinuations = 32;
constexpr std::size_t kNotSmall = 1024;
constexpr std::size_t kBlockSlack = 16 * 1024;

std::size_t most_of_block(const FieldLimits& limits) noexcept {
  return FieldSection::most_worth_reading(limits) + kBlockSlack;
}

constexpr std::size_t kFrameHead = 9;
// A head of usual size; past it none is taken in while memory is short.
constexpr std::size_t kUsualHead = 16 * 1024;

SessionState& state_of(void* user_data) {
  return *static_cast<SessionState*>(user_data);
}

std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// The list as nghttp2 wants it; valid until the next call on this thread.
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
class Callbacks::Implementation {
 public:
  // An exception ends the connection.
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
    nghttp2_session_callbacks_set_before_frame_send_callback(table, guarded<on_before_frame_sent>);
    nghttp2_session_callbacks_set_on_frame_send_callback(table, guarded<on_frame_sent>);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(table, guarded<on_frame_not_sent>);
    nghttp2_session_callbacks_set_on_stream_close_callback(table, guarded<on_close>);
    nghttp2_session_callbacks_set_send_data_callback(table, guarded<send_data>);
    return table;
  }

  // Content for the next DATA frame: only how much; send_data() copies it to where it goes.
  static ssize_t read_content(nghttp2_session*,
                              std::int32_t id,
                              std::uint8_t*,
                              std::size_t most,
                              std::uint32_t* flags,
                              nghttp2_data_source*,
                              void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(id);
    if (!stream) {
      return state.is_withheld(id) ? NGHTTP2_ERR_DEFERRED : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    const std::size_t size = std::min(stream->unsent(), most);
    const bool all = size == stream->unsent() && stream->finished_;
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
  static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user_data) {
    SessionState& state = state_of(user_data);
    switch (head->type) {
      case NGHTTP2_DATA:
        if (head->length > 0 || (head->flags & NGHTTP2_FLAG_END_STREAM) != 0) return 0;
        break;
      case NGHTTP2_HEADERS:
        state.continuations = 0;
        state.block_bytes = head->length;
        // How many answers come late is our doing: an upstream is not to blame for them.
        if (state.role == Role::client) return 0;
        if (state.note_number(head->stream_id) || state.find(head->stream_id)) return 0;
        if (state.was_passed_over(head->stream_id)) {
          state.fail(ErrorCode::protocol_error, "a stream with a number lower than another's");
          return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
        break;  // sent before our reset was heard, or a refusal: nghttp2 passes it over
      case NGHTTP2_CONTINUATION:
        state.block_bytes += head->length;
        if (head->length < kNotSmall) ++state.continuations;
        if (state.continuations <= kMaxSmallContinuations &&
            state.block_bytes <= most_of_block(state.limits.fields)) {
          return 0;
        }
        state.fail(ErrorCode::enhance_your_calm, "a header block without end");
        return NGHTTP2_ERR_CALLBACK_FAILURE;
      default:
        break;
    }
    if (state.guard.allow_control_frame(state.now)) return 0;
    state.fail(ErrorCode::enhance_your_calm, "too many frames that lead nowhere");
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
      state.guard.note_stream(state.now);
      state.enter(*stream, id);
      nghttp2_session_set_stream_user_data(session, id, SessionState::entry_of(*stream));
      begin_section(state, *stream, FieldSection::Kind::request);
      return 0;
    }
    if (stream->problem_) return 0;
    const bool trailers = state.role == Role::server || stream->final_head_;
    if (trailers && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) {
      refuse(state, *stream, "trailers with something behind them");
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

  // RFC 9113 §8.1.1: a malformed message is an error of its stream. What it was is lost with it.
  static void refuse(SessionState& state,
                     Stream& stream,
                     const char* problem,
                     ErrorCode code = ErrorCode::protocol_error) {
    if (stream.problem_) return;
    stream.problem_ = problem;
    stream.head_complete_ = false;
    stream.informational_.clear();
    stream.interim_ = {};
    stream.drop_unread();
    state.submit_reset(stream.id_, code);
  }

  static FieldSection* open_section(Stream& stream) {
    if (stream.problem_) return nullptr;
    if (stream.trailers_) return &*stream.trailers_;
    return stream.section_ && !stream.head_complete_ ? &*stream.section_ : nullptr;
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
    // nghttp2 is not told: of a block that it ignores it does not say any more how long it is.
    if (section->problem()) {
      refuse(state, *stream, section->problem());
      return 0;
    }
    if (section->size() > kUsualHead && memory_is_short()) {
      refuse(state, *stream, Stream::kMemoryIsShort, ErrorCode::refused_stream);
      return 0;
    }
    if (!section->is_bomb()) return 0;
    // One byte can stand for kilobytes: nothing more of this is looked at, just decompressed.
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
    state.guard.note_content(size);
    Stream* stream = state.find(id);
    if (!stream) {
      state.pass_over(size);
      return 0;
    }
    if (state.role == Role::client && !stream->final_head_) {
      refuse(state, *stream, "content in front of the head");
    }
    state.note_received(*stream, size);
    if (stream->received_bytes_ > stream->expected_bytes_) {
      refuse(state, *stream, "more content than its length says");
    }
    if (stream->dropping_) return 0;
    stream->keep(text_of(data, size));
    state.push_news(*stream);
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
        state.push_news(*stream);
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

  static void end_section(SessionState& state, Stream& stream) {
    if (stream.problem_ || stream.trailers_ || !stream.section_) return;
    if (const char* problem = stream.section_->finish()) return refuse(state, stream, problem);
    if (stream.section_->is_informational()) return end_interim(state, stream);
    stream.head_complete_ = stream.final_head_ = true;
    stream.expected_bytes_ = expected_bytes(state.role, stream);
  }

  // Counted as they arrive: what waits to be taken costs memory.
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
    if (!stream.final_head_) return refuse(state, stream, "an end in front of the final head");
    const bool is_short = stream.expected_bytes_ != Stream::kAnyLength &&
                          stream.received_bytes_ < stream.expected_bytes_;
    if (is_short) return refuse(state, stream, "less content than its length says");
    stream.ended_ = true;
    state.expect_no_more(stream);
  }

  static int on_before_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    SessionState& state = state_of(user_data);
    if (state.role == Role::server || frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = state.find(frame->hd.stream_id)) stream->sent_head_ = true;
    return 0;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    if (frame->hd.type == NGHTTP2_HEADERS) note_interim_sent(state_of(user_data), *frame);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    SessionState& state = state_of(user_data);
    Stream* const stream = state.find(frame->hd.stream_id);
    if (!stream) return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    stream->sent_end_ = true;
    state.push_news(*stream);
    return 0;
  }

  static void note_interim_sent(SessionState& state, const nghttp2_frame& frame) {
    Stream* const stream = state.find(frame.hd.stream_id);
    if (!stream || stream->unsent_interim_ == 0) return;
    const std::span<const nghttp2_nv> lines(frame.headers.nva, frame.headers.nvlen);
    if (lines.empty() || !text_of(lines[0].value, lines[0].valuelen).starts_with('1')) return;
    for (const nghttp2_nv& line : lines)
      stream->unsent_interim_ -= Stream::interim_cost(line.namelen, line.valuelen);
  }

  // A request that nghttp2 does not send any more, for the peer has said GOAWAY or it was cancelled
  // before, is closed by nghttp2. Of anything else the other end would never hear.
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
          nghttp2_strerror(why);  // closed without a reset: the peer knows nothing
    } else {
      state.give_up_sending(*stream, nghttp2_strerror(why));
    }
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user_data) {
    SessionState& state = state_of(user_data);
    Stream* stream = state.find(id);
    if (!stream) {
      state.close_dead(id);
      return 0;
    }
    stream->close_code_ = ErrorCode(code);
    state.close(*stream);
    // A reset may carry NO_ERROR, too.
    const bool answered = state.role == Role::server ? stream->head_given_ : stream->final_head_;
    if (answered) {
      if (code == NGHTTP2_NO_ERROR) state.guard.note_answer();
    } else if (state.role == Role::server && !stream->reset_by_us_ &&
               stream->problem_ != Stream::kMemoryIsShort && !state.guard.allow_early_end()) {
      state.fail(ErrorCode::enhance_your_calm, "most requests are reset before they are answered");
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
    // The frame found no room, and its stream died or was reset meanwhile.
    if (!stream || stream->unsent() < size) {
      state.release_reset(frame->hd.stream_id);
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    // Room is left for the frame that may be returned behind this one.
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
      state.guard.note_all_sent();
    } else {
      state.guard.note_content(size);
    }
    if (stream->tell_below_ && stream->unsent() <= stream->low_) {
      stream->tell_below_ = false;
      state.push_news(*stream);
    }
    return 0;
  }
};
// NOLINTEND(readability-function-size)

std::size_t Callbacks::most_continuations(const FieldLimits& limits) noexcept {
  return kMaxSmallContinuations + most_of_block(limits) / kNotSmall;
}

const nghttp2_session_callbacks* Callbacks::table() {
  static const nghttp2_session_callbacks* const table = Implementation::make_table();
  return table;
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
  content.read_callback = Implementation::guarded<Implementation::read_content>;
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
  content.read_callback = Implementation::guarded<Implementation::read_content>;
  const std::int32_t id =
      nghttp2_submit_request(state.session, nullptr, lines.data(), lines.size(),
                             end ? nullptr : &content, SessionState::entry_of(stream));
  if (id < 0) return false;
  state.enter(stream, id);
  state.expect_content(stream);
  const std::string_view method = fields.front().value;  // write_request() puts it there
  if (method == "HEAD") stream.asked_ = Stream::Asked::head;
  if (method == "CONNECT") stream.asked_ = Stream::Asked::tunnel;
  stream.head_given_ = true;
  stream.finished_ = end;
  return true;
}

}  // namespace onehop::h2

// SPDX-License-Identifier: Apache-2.0

#include "http/h2/session.hpp"

#include "http/h2/callbacks.hpp"
#include "http/h2/session_memory.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

#include <nghttp2/nghttp2.h>

namespace onehop::h2 {

constinit const std::string_view kConnectionRefused(
    "\0\0\0\x04\0\0\0\0\0"    // SETTINGS
    "\0\0\x08\x07\0\0\0\0\0"  // GOAWAY
    "\0\0\0\0"                // no stream
    "\0\0\0\0",               // NO_ERROR
    26);

namespace {

// The maximum number of queued frames that a peer can cause without reading.
constexpr std::size_t kMaxFramesWaiting = 2000;

// NGHTTP2_ERR_TOO_MANY_CONTINUATIONS, which older headers do not define.
constexpr ssize_t kTooManyContinuations = -905;

// Names, overhead and short values of a request's pseudo-fields.
constexpr std::size_t kPseudoFields = 512;
constexpr std::size_t kLargestListSize = 0x7fff'ffff;

// nghttp2 itself counts the frames of a block that it ignores, with a default maximum of eight.
// Versions without this function have no limit.
template <class Option>
void limit_continuations(Option* option, std::size_t max) {
  if constexpr (requires { nghttp2_option_set_max_continuations(option, max); }) {
    nghttp2_option_set_max_continuations(option, max);
  }
}

struct DeleteOption {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};
using OptionPtr = std::unique_ptr<nghttp2_option, DeleteOption>;

OptionPtr options(const SessionLimits& limits) {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) throw std::bad_alloc();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_http_messaging(option, 1);  // FieldSection and Callbacks validate messages
  nghttp2_option_set_peer_max_concurrent_streams(option, 100);  // until the peer's SETTINGS arrive
  nghttp2_option_set_max_send_header_block_length(option, limits.max_sent_block);
  limit_continuations(option, Callbacks::max_continuations(limits.fields));
  return OptionPtr(option);
}

nghttp2_mem* memory() {
  static nghttp2_mem blocks{
      .mem_user_data = nullptr,
      .malloc = [](std::size_t size, void*) { return allocate_block(size); },
      .free = [](void* block, void*) { free_block(block); },
      .calloc = [](std::size_t count, std::size_t size,
                   void*) { return allocate_zeroed(count, size); },
      .realloc = [](void* block, std::size_t size, void*) { return resize_block(block, size); },
  };
  return &blocks;
}

// Returns the error code for bytes that nghttp2 rejected.
ErrorCode code_for(ssize_t error) {
  switch (error) {
    case NGHTTP2_ERR_FLOODED:
    case kTooManyContinuations:
      return ErrorCode::enhance_your_calm;
    case NGHTTP2_ERR_NOMEM:
    case NGHTTP2_ERR_CALLBACK_FAILURE:
      return ErrorCode::internal_error;
    default:
      return ErrorCode::protocol_error;
  }
}

void submit_settings(nghttp2_session* session, Role role, const SessionLimits& limits) {
  std::array<nghttp2_settings_entry, 5> entries{};
  std::size_t count = 0;
  const auto add = [&](std::int32_t id, std::uint32_t value) { entries[count++] = {id, value}; };
  if (role == Role::server) {
    add(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.max_streams);
    add(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
  } else {
    add(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
  }
  add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window);
  // The limits plus the overhead of the pseudo-fields, kept below the value that means "no limit".
  const std::size_t list_size =
      std::min<std::size_t>(limits.fields.max_size() + kPseudoFields, kLargestListSize);
  add(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(list_size));
  const int submitted = nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries.data(), count);
  const int widened = nghttp2_session_set_local_window_size(
      session, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(limits.connection_window));
  if (submitted != 0 || widened != 0) throw std::bad_alloc();
}

// Returns the maximum number of queued frames. It has room for interim responses, which the peer
// does not cause.
std::size_t max_frames_waiting(const SessionState& state) {
  return kMaxFramesWaiting + state.streams * state.limits.max_informational;
}

}  // namespace

Session::Session(Role role, const SessionLimits& limits, SessionObserver& observer)
    : state_(std::make_unique<SessionState>(role, limits, observer)) {
  const auto make =
      role == Role::server ? nghttp2_session_server_new3 : nghttp2_session_client_new3;
  const OptionPtr option = options(limits);
  if (make(&state_->session, Callbacks::table(), state_.get(), option.get(), memory()) != 0) {
    throw std::bad_alloc();
  }
  submit_settings(state_->session, role, limits);
}

Session::~Session() = default;

bool Session::receive(std::string_view data, Time now) {
  SessionState& state = *state_;
  if (state.failed) return false;
  state.now = now;
  const ssize_t used = nghttp2_session_mem_recv(
      state.session, reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
  if (used < 0) {
    state.fail(code_for(used), nghttp2_strerror(static_cast<int>(used)));
  } else if (nghttp2_session_get_outbound_queue_size(state.session) > max_frames_waiting(state)) {
    state.fail(ErrorCode::enhance_your_calm, "too many queued frames");
  }
  return !state.failed && nghttp2_session_want_read(state.session) != 0;
}

std::size_t Session::produce(std::span<char> memory) {
  SessionState& state = *state_;
  state.out = memory.data();
  state.out_capacity = memory.size();
  state.out_size = 0;
  while (state.out_capacity - state.out_size >= kMinMemory / 2) {
    const std::uint8_t* frame = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state.session, &frame);
    if (size <= 0) {
      if (size < 0) state.fail(ErrorCode::internal_error, nghttp2_strerror(static_cast<int>(size)));
      break;
    }
    std::memcpy(state.out + state.out_size, frame, static_cast<std::size_t>(size));
    state.out_size += static_cast<std::size_t>(size);
  }
  return state.out_size;
}

void Session::deliver_events() {
  SessionState& state = *state_;
  IntrusiveList<Stream> batch;
  batch.splice_back(state.changed);
  while (Stream* stream = batch.pop_front())
    stream->on_event();
}

bool Session::has_events() const noexcept {
  return !state_->changed.empty();
}

bool Session::open(Stream& stream, const FieldList& fields, bool end) {
  return Callbacks::submit_request(*state_, stream, fields, end);
}

void Session::number_next_stream(std::int32_t id) {
  nghttp2_session_set_next_stream_id(state_->session, id);
}

std::uint32_t Session::peer_max_streams() const noexcept {
  return nghttp2_session_get_remote_settings(state_->session,
                                             NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Session::peer_settings_known() const noexcept {
  return state_->settings_known;
}

bool Session::peer_takes_extended_connect() const noexcept {
  return nghttp2_session_get_remote_settings(state_->session,
                                             NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool Session::has_withheld_resets() const noexcept {
  return !state_->withheld.empty();
}

void Session::release_resets(Time now) {
  state_->now = now;
  state_->release_resets();
}

std::size_t Session::streams() const noexcept {
  return state_->streams;
}

void Session::announce_end() {
  state_->require(nghttp2_submit_shutdown_notice(state_->session));
  ping();
}

void Session::end_after_streams() {
  state_->require(nghttp2_submit_goaway(state_->session, NGHTTP2_FLAG_NONE,
                                        nghttp2_session_get_last_proc_stream_id(state_->session),
                                        NGHTTP2_NO_ERROR, nullptr, 0));
}

void Session::terminate(ErrorCode code) {
  state_->fail(code, name_of(code));
}

void Session::ping() {
  state_->require(nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr));
}

bool Session::set_max_streams(std::uint32_t max) noexcept {
  if (state_->failed || state_->limits.max_streams == max) return false;
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max};
  if (nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, &entry, 1) != 0) return false;
  state_->limits.max_streams = max;
  return true;
}

bool Session::is_over() const noexcept {
  if (nghttp2_session_want_write(state_->session) != 0) return false;
  // If memory is exhausted, there may not even be a GOAWAY.
  return state_->failed || nghttp2_session_want_read(state_->session) == 0;
}

bool Session::found_flood() const noexcept {
  return state_->failed && state_->failure == ErrorCode::enhance_your_calm;
}

const char* Session::reason() const noexcept {
  return state_->reason;
}

}  // namespace onehop::h2

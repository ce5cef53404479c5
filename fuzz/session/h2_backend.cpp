// SPDX-License-Identifier: Apache-2.0
#include "authentication.hpp"
#include "backends.hpp"
#include "base/check.hpp"
#include "support/h2_frames.hpp"

#include <limits>
#include <vector>

namespace onehop::fuzz {
namespace {

using Framing = AnswerChoice::Framing;

bool may_have_content(const Said& said) {
  return said.method != Method::head && !Status(said.status).forbids_body();
}

std::string block_of(const AnswerChoice& choice, const Said& said, const std::string& mark) {
  std::string block =
      h2_frames::block({{":status", std::to_string(choice.status)}, {Ledger::kAnswerField, mark}});
  if (choice.framing == Framing::length && choice.status != 204 && !said.upgrade)
    block += h2_frames::block({{"content-length", std::to_string(choice.size)}});
  if (!choice.challenge.empty() && is_for_connection(choice.challenge))
    block += h2_frames::block({{"www-authenticate", "Negotiate"}});
  if (choice.is_event_stream()) block += h2_frames::block({{"content-type", "text/event-stream"}});
  if (choice.announces_trailers()) block += h2_frames::block({{"trailer", "x-end"}});
  if (choice.has_odd_fields())
    block += h2_frames::block({{"set-cookie", "a=b"}, {"set-cookie", "c=d"}, {"x-empty", ""}});
  return block;
}

}  // namespace

H2Backend::H2Backend(Ledger& ledger, std::size_t index, testing::Wire wire, Windows windows)
    : Peer("backend", ledger, index, std::move(wire)), windows_(windows) {
  send(first_settings(windows));
}

void H2Backend::take_all() {
  Peer::take_all();
  if (std::exchange(windows_, Windows::wide) != Windows::wide && !closed_write_)
    send(opened_windows());
}

// --- what arrives ------------------------------------------------------------------------------

void H2Backend::on_received(std::string_view data) {
  messages_.receive(data);
  for (auto& [id, message] : messages_.streams()) {
    if (!message.has_head() || std::exchange(streams_[id].noted, true)) continue;
    note(id, message);
  }
  if (!closed_write_) send(answers_of(messages_, windows_));
}

void H2Backend::note(std::uint32_t id, H2Message& message) {
  ONEHOP_CHECK(!takes_no_more_);
  const auto method = Method::parse(message.field(":method"));
  ONEHOP_CHECK(method);
  ledger_.record_arrival(*method, message.field(":path"));
  Stream& stream = streams_[id];
  stream.asked = ledger_.request_of(message.field(Ledger::kRequestField));
  if (id > last_taken_) stream.is_reset = true;  // the proxy must treat it as reset
  if (!stream.asked || stream.is_reset || is_odd_) return;
  // A request that is not safe to repeat must not be processed twice. An extended CONNECT was a
  // GET.
  stream.counted = stream.asked;
  ++stream.counted->arrived;
  const bool is_repeatable = method->is_idempotent() || *method == Method::connect;
  if (!is_repeatable && message.field("idempotency-key").empty())
    ONEHOP_CHECK(stream.counted->arrived == 1);
}

void H2Backend::uncount(Stream& stream) noexcept {
  if (Said* said = std::exchange(stream.counted, nullptr)) --said->arrived;
}

void H2Backend::check() {
  for (auto& [id, message] : messages_.streams()) {
    if (!message.has_head()) continue;
    const Said* said = ledger_.request_of(message.field(Ledger::kRequestField));
    if (!said || !ledger_.is_plain_request(*said)) continue;
    ONEHOP_CHECK(said->target == message.field(":path"));
    ONEHOP_CHECK(said->upgrade || said->method.text() == message.field(":method"));
    if (said->upgrade) continue;
    ONEHOP_CHECK(message.content.size() <= said->sent);
    ONEHOP_CHECK(message.content == said->text(message.content.size()));
    if (message.ended) ONEHOP_CHECK(said->ended && message.content.size() == said->sent);
  }
}

// --- answers -----------------------------------------------------------------------------------

std::uint32_t H2Backend::choose(std::uint8_t choice, bool answered) {
  std::vector<std::uint32_t> fitting;
  for (const auto& [id, message] : messages_.streams()) {
    const Stream& stream = streams_[id];
    if (!message.has_head() || message.reset || stream.is_reset) continue;
    if (answered ? stream.open : stream.said == nullptr) fitting.push_back(id);
  }
  return fitting.empty() ? 0 : fitting[choice % fitting.size()];
}

void H2Backend::begin(const Action& action) {
  receive();
  const std::uint32_t id = choose(action.choice >> 3U, false);
  if (id == 0 || closed_write_ || at_end_) return;
  if (ledger_.is_polite && !messages_.streams()[id].ended) return;
  answer(id, AnswerChoice(action, ledger_), (action.choice & 6U) == 6);
}

void H2Backend::answer(std::uint32_t id, const AnswerChoice& choice, bool in_pieces) {
  const H2Message& message = messages_.streams()[id];
  Said& said = ledger_.answer(index_);
  said.target = message.field(":path");
  said.method = *Method::parse(message.field(":method"));
  said.status = choice.status;
  said.upgrade = said.method == Method::connect && choice.status < 300;
  Stream& stream = streams_[id];
  said.asked = stream.asked;
  stream.said = &said;
  stream.has_length = choice.framing == Framing::length && !said.upgrade;
  stream.left = stream.has_length ? choice.size : std::numeric_limits<std::size_t>::max();
  said.ended = !may_have_content(said) || stream.left == 0;
  stream.open = !said.ended;
  send(head_frames(id, said.ended, block_of(choice, said, ledger_.mark(Ledger::kAnswerField, said)),
                   in_pieces));
  if (stream.open && choice.comes_at_once()) send_content(id, stream, choice.size, true);
}

void H2Backend::send_content(std::uint32_t id, Stream& stream, std::size_t size, bool end) {
  size = std::min(size, stream.left);
  if (ledger_.has_scenes && size > messages_.room(id)) {
    size = messages_.room(id);
    end = false;
  }
  messages_.use_room(id, size);
  if (stream.has_length) stream.left -= size;
  end = end && (!stream.has_length || stream.left == 0);
  send(data_frames(id, stream.said->text(size), end));
  stream.said->sent += size;
  stream.said->ended = end;
  stream.open = !end;
}

void H2Backend::go_on(const Action& action) {
  receive();
  const std::uint32_t id = choose(action.choice >> 2U, true);
  if (id == 0 || closed_write_) return;
  Stream& stream = streams_[id];
  send_content(id, stream, ledger_.size_of(action.at(0)), (action.choice & 1U) != 0);
  const bool may_end = stream.open && (!stream.has_length || stream.left == 0);
  if (!may_end || stream.said->upgrade || (action.choice & 2U) == 0) return;
  send(head_frames(id, true, h2_frames::block({{"x-end", "1"}, {"grpc-status", "0"}}), false));
  stream.said->ended = true;
  stream.open = false;
}

void H2Backend::interject(const Action& action) {
  receive();
  const std::uint32_t id = choose(action.choice >> 1U, false);
  if (closed_write_) return;
  if (id != 0 && (action.choice & 1U) != 0) {
    const char* status = action.has_bit(0, 0) ? "100" : "103";
    return send_hint(id, h2_frames::block({{":status", status}, {"x-a", "b"}}));
  }
  send(control_frame(action, id));
}

void H2Backend::send_hint(std::uint32_t id, std::string_view block) {
  Stream& stream = streams_[id];
  if (ledger_.is_polite && stream.hints == kPoliteHints) return;
  ++stream.hints;
  if (stream.asked) ++stream.asked->hints;
  send(head_frames(id, false, block, false));
}

void H2Backend::burst(const Action& action) {
  receive();
  const std::uint32_t id = choose(action.at(3), false);
  if (id == 0 || closed_write_ || at_end_) return;
  const HintChoice choice(action);
  const std::string block =
      h2_frames::block({{":status", choice.status}, {"link", std::string(choice.size, 'l')}});
  for (int i = 0; i < choice.count; ++i)
    send_hint(id, block);
}

// Polite backends process the streams that they have seen and those in flight.
void H2Backend::go_away(const Action& action) {
  receive();
  if (closed_write_ || at_end_) return;
  if (ledger_.is_polite && is_stalled_ && ledger_.has_unrepeatable()) return;
  const auto& streams = messages_.streams();
  const std::uint32_t seen = streams.empty() ? 0 : streams.rbegin()->first;
  const std::uint32_t behind = 2 * (1U + action.at(1) % 3U);
  const std::uint32_t kLast[] = {0x7fff'ffff, seen, seen > behind ? seen - behind : 0, 0};
  const std::uint32_t last = kLast[action.at(0) % (!ledger_.is_polite      ? 4U
                                                   : is_stalled_ || holds_ ? 1U
                                                                           : 2U)];
  last_taken_ = std::min(last_taken_, last);  // it never grows again
  for (auto& [id, stream] : streams_) {
    if (id <= last_taken_) continue;
    stream.is_reset = true;
    stream.open = false;
    uncount(stream);
  }
  send(goaway_frame(last_taken_, ledger_.is_polite ? 0 : action.at(2) % 14U));
  if (holds_ || is_odd_) return;
  // Bytes that were in flight have arrived by now, unless the backend is stalled.
  receive();
  takes_no_more_ = !is_stalled_;
}

void H2Backend::open(const Action& action) {
  receive();
  if (!closed_write_) send(opening(action, messages_));
}

void H2Backend::send_odd(std::string_view data, const Action& action) {
  if (closed_write_) return;
  receive();
  std::uint32_t id = choose(action.choice >> 1U, true);
  if (id == 0) id = choose(action.choice >> 1U, false);
  if (id != 0 && is_reset(action)) {
    constexpr std::uint32_t kRefusedStream = 7;
    streams_[id].open = false;
    streams_[id].is_reset = true;
    if (reset_code(action) == kRefusedStream && !streams_[id].said) uncount(streams_[id]);
    send(reset_frame(action, id));
    return;
  }
  ledger_.backend_is_odd(index_);
  is_odd_ = true;
  takes_no_more_ = false;
  messages_.stop_checking_windows();
  for (auto& [each, stream] : streams_)
    uncount(stream);
  send((action.choice & 1U) != 0 ? odd_frame(action, id) : std::string(data));
}

bool H2Backend::finish() {
  flush();
  receive();
  if (left_ || closed_write_ || at_end_) return false;
  for (auto& [id, stream] : streams_) {
    if (!stream.open || stream.is_reset || messages_.streams()[id].reset) continue;
    const std::uint64_t before = stream.said->sent;
    send_content(id, stream, stream.has_length ? stream.left : 0, true);
    if (!stream.open || stream.said->sent > before) return true;
  }
  for (auto& [id, message] : messages_.streams()) {
    if (!message.ended || message.reset || streams_[id].said || streams_[id].is_reset) continue;
    answer(id, AnswerChoice(Action{}, ledger_), false);
    return true;
  }
  return false;
}

}  // namespace onehop::fuzz

// SPDX-License-Identifier: Apache-2.0
#include "authentication.hpp"
#include "base/check.hpp"
#include "clients.hpp"
#include "support/h2_frames.hpp"

#include <limits>

namespace onehop::fuzz {
namespace {

using Framing = RequestChoice::Framing;

std::string block_of(const RequestChoice& choice, const Said& said, const std::string& mark) {
  const std::string method(said.upgrade ? "CONNECT" : choice.method.text());
  std::string block = h2_frames::block(
      {{":method", method}, {":scheme", "http"}, {":path", said.target}, {":authority", "h"}});
  if (said.upgrade) block += h2_frames::block({{":protocol", "websocket"}});
  block += h2_frames::block({{Ledger::kRequestField, mark}});
  if (choice.framing == Framing::length)
    block += h2_frames::block({{"content-length", std::to_string(choice.size)}});
  if (choice.asks_first()) block += h2_frames::block({{"expect", "100-continue"}});
  if (choice.takes_trailers()) block += h2_frames::block({{"te", "trailers"}});
  if (choice.is_absolute()) block += h2_frames::block({{"content-type", "application/grpc"}});
  if (choice.has_odd_fields()) {
    block += h2_frames::block({{"cookie", "a=b"},
                               {"cookie", "c=d"},
                               {"x-forwarded-for", "1.1.1.1, \"a,b\""},
                               {"forwarded", "for=x"},
                               {"accept", "application/json"},
                               {"host", "h"}});
  }
  if (!choice.credentials.empty()) {
    const std::size_t value = choice.credentials.find(' ') + 1;
    block += h2_frames::block({{"authorization", choice.credentials.substr(value)}});
  }
  if (choice.may_be_repeated()) block += h2_frames::block({{"idempotency-key", "1"}});
  return block;
}

}  // namespace

H2Client::H2Client(Ledger& ledger, std::size_t index, testing::Wire wire, Windows windows)
    : Peer("client", ledger, index, std::move(wire)), windows_(windows) {
  send(h2_frames::kPreface);
  send(first_settings(windows));
}

void H2Client::take_all() {
  Peer::take_all();
  if (std::exchange(windows_, Windows::wide) != Windows::wide && !closed_write_)
    send(opened_windows());
}

void H2Client::on_received(std::string_view data) {
  messages_.receive(data);
  if (!closed_write_) send(answers_of(messages_, windows_));
}

H2Client::Stream* H2Client::choose(std::uint8_t choice) {
  if (streams_.empty()) return nullptr;
  return &streams_[streams_.size() - 1 - choice % streams_.size()];
}

void H2Client::begin(const Action& action) {
  if (closed_write_ || (said_goaway_ && ledger_.is_polite)) return;
  const RequestChoice choice(action, ledger_);
  Said& said = ledger_.ask(index_);
  ++begun_;
  said.method = choice.method;
  said.upgrade = choice.upgrades();
  Stream stream{next_stream_, &said, std::numeric_limits<std::size_t>::max(), false, true};
  next_stream_ += 2;
  if (choice.framing == Framing::length) {
    stream.left = choice.size;
    stream.has_length = true;
  }
  const bool ends = (choice.framing == Framing::none && !said.upgrade) || stream.left == 0;
  said.ended = ends;
  stream.open = !ends;
  streams_.push_back(stream);
  send(head_frames(stream.id, ends,
                   block_of(choice, said, ledger_.mark(Ledger::kRequestField, said)),
                   (action.choice & 6U) == 6));
  if (!ends && !said.upgrade && (action.choice & 1U) != 0)
    send_content(streams_.back(), choice.size, true);
}

void H2Client::send_content(Stream& stream, std::size_t size, bool end) {
  size = std::min(size, stream.left);
  if (ledger_.has_scenes && size > messages_.room(stream.id)) {
    size = messages_.room(stream.id);
    end = false;
  }
  messages_.use_room(stream.id, size);
  if (stream.has_length) stream.left -= size;
  end = end && (!stream.has_length || stream.left == 0);
  send(data_frames(stream.id, stream.said->text(size), end));
  stream.said->sent += size;
  stream.said->ended = end;
  stream.open = !end;
}

void H2Client::end_with_trailers(Stream& stream) {
  if (stream.has_length && stream.left > 0) return;
  send(head_frames(stream.id, true, h2_frames::block({{"x-end", "1"}}), false));
  stream.said->ended = true;
  stream.open = false;
}

void H2Client::go_on(const Action& action) {
  Stream* stream = choose(action.choice >> 2U);
  if (!stream || !stream->open || closed_write_) return;
  send_content(*stream, ledger_.size_of(action.at(0)), (action.choice & 1U) != 0);
  if (stream->open && (action.choice & 2U) != 0 && !stream->said->upgrade)
    end_with_trailers(*stream);
}

void H2Client::interject(const Action& action) {
  const Stream* stream = choose(action.choice);
  if (!closed_write_) send(control_frame(action, stream ? stream->id : 0));
}

void H2Client::go_away(const Action& action) {
  if (closed_write_) return;
  said_goaway_ = true;
  send(goaway_frame(0, ledger_.is_polite ? 0 : action.at(2) % 14U));
}

void H2Client::open(const Action& action) {
  receive();
  if (!closed_write_) send(opening(action, messages_));
}

void H2Client::send_odd(std::string_view data, const Action& action) {
  if (closed_write_) return;
  Stream* stream = choose(action.choice >> 1U);
  const std::uint32_t id = stream ? stream->id : 0;
  if (stream && is_reset(action)) {
    stream->open = false;
    send(reset_frame(action, id));
    return;
  }
  ledger_.client_is_odd(index_);
  begun_ += kMaxOddRequests;
  messages_.stop_checking_windows();
  send((action.choice & 1U) != 0 ? odd_frame(action, id) : std::string(data));
}

bool H2Client::finish() {
  flush();
  receive();
  if (left_ || closed_write_) return false;
  bool did = false;
  for (Stream& stream : streams_) {
    if (!stream.open) continue;
    const std::uint64_t before = stream.said->sent;
    send_content(stream, stream.has_length ? stream.left : 0, true);
    did = did || !stream.open || stream.said->sent > before;
  }
  return did;
}

// --- what arrived ------------------------------------------------------------------------------

void H2Client::check_answer(const Said& said, const H2Message& message) {
  ONEHOP_CHECK(!said.unasked);
  if (!ledger_.is_plain_answer(said)) return;
  ONEHOP_CHECK(message.content.size() <= said.sent);
  ONEHOP_CHECK(message.content == said.text(message.content.size()));
  if (message.ended && !said.upgrade) ONEHOP_CHECK(said.ended);
  if (!message.ended || message.content.empty()) return;
  if (!said.upgrade) ONEHOP_CHECK(message.content.size() == said.sent);
}

void H2Client::check() {
  for (auto& [id, message] : messages_.streams()) {
    if (!message.has_head()) continue;
    ONEHOP_CHECK(message.field(":status").size() == 3);
    const std::string_view length = message.field("content-length");
    const std::string_view mark = message.field(Ledger::kAnswerField);
    if (Said* answer = ledger_.answer_of(mark)) {
      ONEHOP_CHECK(++answer->arrived == 1);
      check_answer(*answer, message);
      check_is_ours(*answer, static_cast<std::size_t>(message.informational));
      for (const Stream& stream : streams_) {
        if (stream.id != id || !ledger_.is_plain_request(*stream.said)) continue;
        // A backend that sent an unsolicited response stays late by one response.
        if (!ledger_.is_plain_answer(*answer)) continue;
        ONEHOP_CHECK(answer->target == stream.said->target);
      }
      const bool may_have = answer->method != Method::head && answer->status != 304;
      if (message.ended && !length.empty() && may_have)
        ONEHOP_CHECK(length == std::to_string(message.content.size()));
    }
  }
  for (const Record& record : ledger_.records(index_))
    ONEHOP_CHECK(record.version == Version::http_2 || record.status >= 400 || record.status == 0);
}

void H2Client::check_answered() {
  for (const Stream& stream : streams_) {
    const H2Message& message = messages_.streams()[stream.id];
    ONEHOP_CHECK(message.has_head() && message.ended);
    const Said* answer = ledger_.answer_of(message.field(Ledger::kAnswerField));
    ONEHOP_CHECK(answer && answer->target == stream.said->target);
  }
}

}  // namespace onehop::fuzz

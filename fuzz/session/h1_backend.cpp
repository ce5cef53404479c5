// SPDX-License-Identifier: Apache-2.0
#include "authentication.hpp"
#include "backends.hpp"
#include "base/check.hpp"
#include "chunks.hpp"
#include "http/websocket_handshake.hpp"

namespace onehop::fuzz {
namespace {

using End = H1Message::End;
using Framing = AnswerChoice::Framing;

bool may_have_content(const Said& said) {
  return said.method != Method::head && !Status(said.status).forbids_body();
}

std::string head_of(const AnswerChoice& choice,
                    Framing framing,
                    const Said& said,
                    const std::string& mark) {
  std::string head = choice.is_old() ? "HTTP/1.0 " : "HTTP/1.1 ";
  head += std::to_string(choice.status);
  head += choice.has_odd_fields() ? " \xc3\xbc  x\r\n" : " \r\n";
  head.append(Ledger::kAnswerField).append(": ").append(mark).append("\r\n");
  if (choice.status != 204) {
    if (framing == Framing::length)
      head += "Content-Length: " + std::to_string(choice.size) + "\r\n";
    if (framing == Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (framing == Framing::chunked && choice.announces_trailers()) head += "Trailer: x-end\r\n";
  }
  const bool closes =
      choice.is_last() || (framing == Framing::until_close && may_have_content(said));
  if (closes) head += "Connection: close, x-hop\r\nX-Hop: 1\r\n";
  if (!closes && choice.is_old()) head += "Connection: keep-alive\r\n";
  if (choice.says_keep_alive())
    head += "Keep-Alive: max=5, timeout=" + std::to_string(choice.size) + "\r\n";
  if (!choice.challenge.empty()) head.append(choice.challenge).append("\r\n");
  if (choice.is_event_stream()) head += "Content-Type: text/event-stream\r\n";
  if (choice.has_odd_fields())
    head += "Set-Cookie: a=b\r\nset-cookie: c=d\r\nX-Empty:\r\nServer: x\r\nDate: today\r\n";
  return head + "\r\n";
}

}  // namespace

AnswerChoice::AnswerChoice(const Action& action, const Ledger& ledger) noexcept
    : framing(static_cast<Framing>(action.at(1) % 3)),
      size(ledger.size_of(action.at(2))),
      fields(action.at(3)) {
  constexpr int kStatus[] = {200, 200, 204, 304, 404, 500, 206, 200};
  status = kStatus[action.at(0) % std::size(kStatus)];
  if (!ledger.has_authentication) return;
  challenge = fuzz::challenge(action.at(4));
  if (!challenge.empty() && action.has_bit(4, 7)) status = 401;
}

// --- what arrives ------------------------------------------------------------------------------

void H1Backend::on_received(std::string_view data) {
  received_ += data;
  while (!opaque_) {
    std::string_view rest = std::string_view(received_).substr(parsed_);
    const std::size_t before = rest.size();
    H1Message message = take_request(rest);
    ONEHOP_CHECK(!message.malformed);
    if (!message.has_head()) return;
    if (asked_.empty() || asked_.back().message.end == End::complete) asked_.emplace_back();
    Asked& asked = asked_.back();
    asked.message = std::move(message);
    note(asked);
    if (asked.message.end != End::complete) return;
    parsed_ += before - rest.size();
  }
}

void H1Backend::note(Asked& asked) {
  if (std::exchange(asked.noted, true)) return;
  const H1Message& message = asked.message;
  ledger_.record_arrival(message.method, message.target);
  const auto mark = message.headers.get(Ledger::kRequestField);
  Said* said = asked.said = mark ? ledger_.request_of(*mark) : nullptr;
  if (!said) return;
  check_user(asked);
  // A request that is not safe to repeat must not be sent twice.
  ++said->arrived;
  if (!message.method.is_idempotent() && !message.headers.has("Idempotency-Key"))
    ONEHOP_CHECK(said->arrived == 1);
}

// A connection that was authenticated for one client must not serve another.
void H1Backend::check_user(const Asked& asked) {
  if (user_) ONEHOP_CHECK(user_->peer == asked.said->peer);
  for (const std::string_view name : {"Authorization", "Proxy-Authorization"}) {
    if (is_for_connection(asked.message.headers.get_or_empty(name))) user_ = asked.said;
  }
}

void H1Backend::check_request(const H1Message& message) {
  ONEHOP_CHECK(!message.headers.has("Keep-Alive") && !message.headers.has("Proxy-Connection"));
  ONEHOP_CHECK(!message.headers.has("X-Hop"));
  const auto mark = message.headers.get(Ledger::kRequestField);
  const Said* said = mark ? ledger_.request_of(*mark) : nullptr;
  if (!said || !ledger_.is_plain_request(*said)) return;
  ONEHOP_CHECK(said->target == message.target);
  ONEHOP_CHECK(said->upgrade || said->method == message.method);
  ONEHOP_CHECK(message.content.size() <= said->sent);
  ONEHOP_CHECK(message.content == said->text(message.content.size()));
  // A truncated message must not look complete.
  if (message.end != End::complete || said->upgrade) return;
  // The content may be complete before an END_STREAM confirms it.
  ONEHOP_CHECK(said->ended || message.framing.kind == BodyFraming::Kind::length);
  ONEHOP_CHECK(message.content.size() == said->sent);
}

void H1Backend::check() {
  for (const Asked& asked : asked_)
    check_request(asked.message);
}

// --- answers -----------------------------------------------------------------------------------

void H1Backend::begin(const Action& action) {
  receive();
  if (open_ || closed_write_ || tunnel_ || at_end_) return;
  if (!waits() && is_stalled_) return;  // its unread input may be a request
  if (ledger_.is_polite && (!waits() || asked_.back().message.end != End::complete)) return;
  answer(AnswerChoice(action, ledger_));
}

void H1Backend::answer(const AnswerChoice& choice) {
  if (!waits()) {
    // A request must not arrive meanwhile, because this would be its response.
    flush();
    receive();
  }
  Said& said = ledger_.answer(index_);
  said.unasked = !waits() && !opaque_;  // opaque bytes may have been a request
  said.status = choice.status;
  if (!asked_.empty()) {
    asked_.back().answered = true;
    said.target = asked_.back().message.target;
    said.method = asked_.back().message.method;
    said.upgrade = choice.switches() && asked_.back().message.headers.has("Upgrade");
    said.asked = asked_.back().said;
    if (said.asked && !said.unasked && is_for_connection(choice.challenge)) user_ = said.asked;
  }
  if (said.upgrade && !said.unasked) return switch_protocols(said);
  framing_ = choice.framing;
  if (choice.is_old() && framing_ == Framing::chunked) framing_ = Framing::until_close;
  left_to_send_ = framing_ == Framing::length ? choice.size : 0;
  send(head_of(choice, framing_, said, ledger_.mark(Ledger::kAnswerField, said)));
  said.ended = !may_have_content(said) || (framing_ == Framing::length && left_to_send_ == 0);
  if (said.ended) return;
  open_ = &said;
  if (!choice.comes_at_once()) return;
  send_content(choice.size);
  if (open_ && framing_ == Framing::chunked) end_content(choice.announces_trailers());
}

void H1Backend::switch_protocols(Said& said) {
  const Headers& headers = asked_.back().message.headers;
  send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Accept: " +
      websocket_accept(headers.get_or_empty("Sec-WebSocket-Key")) + "\r\n" +
      std::string(Ledger::kAnswerField) + ": " + ledger_.mark(Ledger::kAnswerField, said) +
      "\r\n\r\n");
  said.status = 101;
  opaque_ = true;
  tunnel_ = true;
  open_ = &said;
  framing_ = Framing::until_close;
}

void H1Backend::send_content(std::size_t size) {
  if (framing_ == Framing::length) size = std::min(size, left_to_send_);
  if (framing_ == Framing::chunked) {
    if (size > 0) send(chunk_of(open_->text(size)));
  } else {
    send(open_->text(size));
  }
  open_->sent += size;
  if (framing_ != Framing::length) return;
  left_to_send_ -= size;
  if (left_to_send_ > 0) return;
  open_->ended = true;
  open_ = nullptr;
}

void H1Backend::end_content(bool with_trailers) {
  if (framing_ == Framing::chunked) {
    send(with_trailers ? "0\r\nx-end: 1\r\n\r\n" : "0\r\n\r\n");
    open_->ended = true;
    open_ = nullptr;
    return;
  }
  leave(tunnel_ ? 0 : 3);
}

void H1Backend::go_on(const Action& action) {
  if (!open_ || closed_write_) return;
  send_content(ledger_.size_of(action.at(0)));
  if (open_ && framing_ == Framing::chunked && (action.choice & 1U) != 0)
    end_content((action.choice & 2U) != 0);
}

void H1Backend::on_leave(bool reset) {
  if (!open_ || framing_ != Framing::until_close) return;
  open_->ended = !reset;
  open_ = nullptr;
}

void H1Backend::interject(const Action& action) {
  receive();
  if (!waits() || open_ || closed_write_) return;
  switch (action.choice % 3) {
    case 0:
      return send_hint("HTTP/1.1 100 Continue\r\n\r\n");
    case 1:
      return send_hint(
          "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n");
    default:
      return send_hint("HTTP/1.1 102 \r\nContent-Length: 5\r\n\r\n");
  }
}

void H1Backend::send_hint(std::string_view head) {
  Asked& asked = asked_.back();
  if (ledger_.is_polite && asked.hints == kPoliteHints) return;
  ++asked.hints;
  if (asked.said) ++asked.said->hints;
  send(head);
}

void H1Backend::burst(const Action& action) {
  receive();
  if (!waits() || open_ || closed_write_) return;
  const HintChoice choice(action);
  const std::string head = "HTTP/1.1 " + std::string(choice.status) +
                           " \r\nLink: " + std::string(choice.size, 'l') + "\r\n\r\n";
  for (int i = 0; i < choice.count; ++i)
    send_hint(head);
}

void H1Backend::send_odd(std::string_view data, const Action&) {
  if (closed_write_) return;
  receive();
  ledger_.backend_is_odd(index_);
  // The bytes may be a 101.
  if (!asked_.empty() && asked_.back().message.headers.has("Upgrade")) opaque_ = true;
  send(data);
}

bool H1Backend::finish() {
  flush();
  receive();
  if (left_ || closed_write_ || at_end_) return false;
  if (open_) {
    if (framing_ == Framing::length) {
      send_content(left_to_send_);
    } else {
      end_content(false);
    }
    return true;
  }
  if (!waits() || asked_.back().message.end != End::complete) return false;
  answer(AnswerChoice(Action{}, ledger_));
  return true;
}

}  // namespace onehop::fuzz

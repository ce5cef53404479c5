// SPDX-License-Identifier: Apache-2.0
#include "authentication.hpp"
#include "base/check.hpp"
#include "chunks.hpp"
#include "clients.hpp"
#include "h1_messages.hpp"

namespace onehop::fuzz {
namespace {

using End = H1Message::End;
using Framing = RequestChoice::Framing;

std::string head_of(const RequestChoice& choice, const Said& said, const std::string& mark) {
  std::string head(choice.method.text());
  head += choice.is_absolute() ? " http://h" + said.target : " " + said.target;
  head += choice.is_old() ? " HTTP/1.0\r\nHost: h\r\n" : " HTTP/1.1\r\nHost: h\r\n";
  head.append(Ledger::kRequestField).append(": ").append(mark).append("\r\n");
  if (choice.framing == Framing::length)
    head += "Content-Length: " + std::to_string(choice.size) + "\r\n";
  if (choice.framing == Framing::chunked)
    head += "Transfer-Encoding: chunked\r\nTrailer: x-end\r\n";
  if (choice.asks_first() && !choice.is_old()) head += "Expect: 100-continue\r\n";
  if (choice.is_last()) head += "Connection: close, x-hop\r\nX-Hop: 1\r\n";
  if (choice.takes_trailers()) head += "TE: trailers\r\nConnection: TE\r\n";
  if (said.upgrade) {
    head +=
        "Connection: Upgrade\r\nUpgrade: other, websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  }
  if (choice.has_odd_fields()) {
    head +=
        "X-Forwarded-For: 1.1.1.1, \"a,b\"\r\nx-forwarded-for:\r\nX-Forwarded-Proto: a, https\r\n"
        "Forwarded: for=x\r\nCookie: a=b\r\ncookie: c=d\r\nAccept: text/html;q=.5, */json\r\n";
  }
  if (!choice.credentials.empty()) head.append(choice.credentials).append("\r\n");
  if (choice.may_be_repeated()) head += "Idempotency-Key: 1\r\n";
  return head + "\r\n";
}

}  // namespace

RequestChoice::RequestChoice(const Action& action, const Ledger& ledger) noexcept
    : framing(static_cast<Framing>(action.at(1) % 3)),
      size(ledger.size_of(action.at(2))),
      fields(action.at(3)) {
  if (ledger.is_polite) fields &= static_cast<std::uint8_t>(~8U);  // no upgrades
  const Method kMethods[] = {Method::get, Method::post, Method::head,  Method::put,
                             Method::get, Method::del,  Method::patch, Method::options};
  method = kMethods[action.at(0) % std::size(kMethods)];
  if (ledger.has_authentication) credentials = fuzz::credentials(action.at(4));
}

void H1Client::begin(const Action& action) {
  const RequestChoice choice(action, ledger_);
  if (open_ || closed_write_ || said_last_) return;
  Said& said = ledger_.ask(index_);
  ++begun_;
  empty_lines_ = 0;
  said.method = choice.method;
  said.upgrade = choice.upgrades() && !choice.is_old();
  asked_.push_back(&said);
  said_last_ = choice.is_last() || choice.is_old();
  std::string text = head_of(choice, said, ledger_.mark(Ledger::kRequestField, said));
  chunked_ = choice.framing == Framing::chunked;
  left_to_send_ = choice.framing == Framing::length ? choice.size : 0;
  said.ended = !chunked_ && left_to_send_ == 0;
  open_ = said.ended ? nullptr : &said;
  if (open_ && (action.choice & 1U) != 0) {  // the whole message in one piece
    said.sent = choice.size;
    text += chunked_ && choice.size > 0 ? chunk_of(said.text(choice.size)) : said.text(choice.size);
    if (chunked_) text += "0\r\nx-end: 1\r\n\r\n";
    said.ended = true;
    open_ = nullptr;
  }
  if (text.size() < 1000 && (action.choice & 6U) == 6) {
    for (const char& byte : text)
      send({&byte, 1});
  } else {
    send(text);
  }
}

void H1Client::send_content(std::size_t size) {
  if (chunked_) {
    if (size > 0) send(chunk_of(open_->text(size)));
  } else {
    size = std::min(size, left_to_send_);
    left_to_send_ -= size;
    send(open_->text(size));
  }
  open_->sent += size;
  if (!chunked_ && left_to_send_ == 0) {
    open_->ended = true;
    open_ = nullptr;
  }
}

void H1Client::end_content(bool with_trailers) {
  send(with_trailers ? "0\r\nx-end: 1\r\n\r\n" : "0\r\n\r\n");
  open_->ended = true;
  open_ = nullptr;
}

void H1Client::go_on(const Action& action) {
  if (!open_ || closed_write_) return;
  send_content(ledger_.size_of(action.at(0)));
  if (open_ && chunked_ && (action.choice & 1U) != 0) end_content((action.choice & 2U) != 0);
}

void H1Client::interject(const Action& action) {
  // Two empty lines before a request line are skipped; a third is refused.
  if (open_ || closed_write_ || (action.choice & 1U) == 0) return;
  if (ledger_.is_polite && empty_lines_ == 2) return;
  ++empty_lines_;
  send("\r\n");
}

void H1Client::send_odd(std::string_view data, const Action&) {
  if (closed_write_) return;
  ledger_.client_is_odd(index_);
  begun_ += kMaxOddRequests;
  sent_odd_ += data;
  send(data);
}

bool H1Client::finish() {
  flush();
  receive();
  if (!open_ || left_ || closed_write_) return false;
  if (chunked_) {
    end_content(false);
  } else {
    send_content(left_to_send_);
  }
  return true;
}

// --- what arrived ------------------------------------------------------------------------------

namespace {

void check_content(const H1Message& message, const Said& said, bool plain) {
  if (!plain) return;
  ONEHOP_CHECK(message.content.size() <= said.sent);
  ONEHOP_CHECK(message.content == said.text(message.content.size()));
  // A truncated message must not look complete.
  if (message.end != End::complete) return;
  // The content may be complete before an END_STREAM confirms it.
  if (message.framing.kind != BodyFraming::Kind::length) ONEHOP_CHECK(said.ended);
  if (message.framing.has_content()) ONEHOP_CHECK(message.content.size() == said.sent);
}

}  // namespace

bool H1Client::check_one(std::string_view& data, const Record& record) {
  const H1Message message = take_response(data, record.method);
  ONEHOP_CHECK(!message.malformed);
  if (record.status == 0) {
    ONEHOP_CHECK(!message.has_head());
    return false;
  }
  const bool got_all = !left_;
  if (!message.has_head()) {
    ONEHOP_CHECK(!got_all || record.outcome != Outcome::complete);
    return false;
  }
  ONEHOP_CHECK(message.status.code() == record.status);
  if (record.upgraded) return false;
  if (const auto value = message.headers.get(Ledger::kAnswerField)) {
    if (Said* said = ledger_.answer_of(*value)) {
      ONEHOP_CHECK(!said->unasked);
      ONEHOP_CHECK(++said->arrived == 1);
      // A backend that sent an unsolicited response stays late by one response.
      if (ledger_.is_plain_answer(*said))
        ONEHOP_CHECK(said->target == forwarded_target(record.target));
      check_content(message, *said, ledger_.is_plain_answer(*said));
      check_is_ours(*said, message.informational);
      if (message.end == End::connection && ledger_.is_plain_answer(*said) && !left_)
        ONEHOP_CHECK(was_reset_ || (said->ended && said->sent == message.content.size()));
    }
  }
  if (!got_all) return message.end == End::complete;
  if (record.outcome == Outcome::complete) {
    ONEHOP_CHECK(message.end == End::complete || (message.end == End::connection && !was_reset_));
    ONEHOP_CHECK(message.content.size() == record.response_body);
  } else {
    // All announced content may have arrived before an HTTP/2 backend reset its stream.
    const bool promised = message.framing.kind == BodyFraming::Kind::length;
    ONEHOP_CHECK(message.end != End::complete || promised);
    ONEHOP_CHECK(message.end != End::connection || was_reset_);
    return false;
  }
  return message.end == End::complete;
}

void H1Client::check() {
  if (sent_odd_.find("PRI * HTTP/2.0") != std::string::npos) return;  // it may be HTTP/2 now
  std::string_view data = received_;
  for (const Record& record : ledger_.records(index_)) {
    if (!check_one(data, record)) return;
  }
  ONEHOP_CHECK(data.empty());
}

void H1Client::check_answered() {
  std::string_view data = received_;
  for (const Said* said : asked_) {
    const H1Message message = take_response(data, said->method);
    ONEHOP_CHECK(message.end == End::complete || message.end == End::connection);
    const auto mark = message.headers.get(Ledger::kAnswerField);
    ONEHOP_CHECK(mark);
    const Said* answer = ledger_.answer_of(*mark);
    ONEHOP_CHECK(answer && answer->target == said->target);
    if (!allows_reuse(message.version, message.headers)) return;
  }
}

}  // namespace onehop::fuzz

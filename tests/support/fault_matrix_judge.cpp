// SPDX-License-Identifier: Apache-2.0
//
// The checks of FaultMatrix on the outcome of an exchange.
#include "support/fault_matrix.hpp"
#include "support/h2_frames.hpp"

#include <algorithm>
#include <iterator>

namespace onehop::test {
namespace {

using Kind = Question::Kind;

constexpr std::string_view kTunnelled = "from the tunnel";

// Returns the fields whose names begin with x-, in order.
Lines own_fields(const Lines& lines) {
  Lines own;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(own),
               [](const auto& line) { return line.first.starts_with("x-"); });
  return own;
}

// Reports whether the texts differ in at most one byte.
bool resembles(std::string_view body, std::string_view content) {
  if (body.size() != content.size()) return false;
  int different = 0;
  for (std::size_t i = 0; i < body.size(); ++i)
    different += body[i] != content[i] ? 1 : 0;
  return different <= 1;
}

// Reports whether the frames of an HTTP/2 response, which may be garbled, end the stream of its
// head.
bool has_end_of_stream(std::string_view frames) {
  constexpr std::size_t kHeaderSize = 9;
  std::string_view stream;
  while (frames.size() >= kHeaderSize) {
    const auto byte = [frames](std::size_t i) { return static_cast<unsigned char>(frames[i]); };
    const std::size_t size = (std::size_t{byte(0)} << 16U) + (std::size_t{byte(1)} << 8U) + byte(2);
    if (frames.size() < kHeaderSize + size) return false;
    const bool is_message = byte(3) == h2_frames::data || byte(3) == h2_frames::headers;
    const std::string_view of = frames.substr(5, 4);
    if (stream.empty() && byte(3) == h2_frames::headers) stream = of;
    if (is_message && of == stream && (byte(4) & h2_frames::kEndStream) != 0) return true;
    frames.remove_prefix(kHeaderSize + size);
  }
  return false;
}

}  // namespace

std::string FaultMatrix::judge(const Case& wanted, AskingClient& client) {
  std::string problem = judge_requests(wanted, client);
  const bool stays = wanted.client.way == Way::none && wanted.leaving == Way::none;
  if (problem.empty() && stays) problem = judge_answer(wanted);
  if (problem.empty()) problem = judge_record(wanted);
  const bool is_there = !client.wire().is_over() || wanted.client.way == Way::stall;
  const bool waits = is_there && received_.end == Received::End::open && !is_pausing(wanted);
  if (problem.empty() && waits && wanted.question.kind != Kind::upgrades)
    problem = "the client got neither a response nor a failure";
  return problem.empty() ? problem : problem + " (" + describe(received_) + ")";
}

bool FaultMatrix::is_own_failure() const {
  const bool is_status = received_.status == 502 || received_.status == 503 ||
                         received_.status == 504 || received_.status == 400 ||
                         received_.status == 408;
  return received_.is_whole() && is_status && value_of(received_.fields, "x-id").empty();
}

// A response without a length that has begun may pause for ever, even if its end was garbled, but
// only if the backend's bytes leave the stream open.
bool FaultMatrix::is_pausing(const Case& wanted) const {
  const bool has_begun = wanted.answer.framing == Answer::Framing::chunked &&
                         received_.end == Received::End::open && !received_.body.empty();
  if (!has_begun || wanted.backend.way == Way::stall) return has_begun;
  if (wanted.backend.way != Way::garble) return false;
  if (protocols_.backend == Protocol::h2) return !has_end_of_stream(planned_sent_);
  const H1Message sent = read_h1_response(backend_sent_, wanted.question.method, backend_closed_);
  return sent.state == H1Message::State::incomplete;
}

// Reports whether the response is that of an exchange without a fault.
bool FaultMatrix::is_whole_answer(const Case& wanted) const {
  if (value_of(received_.fields, "x-id") != id_) return false;
  if (wanted.question.kind == Kind::upgrades) {
    const int status = protocols_.client == Protocol::h1 ? 101 : 200;
    return received_.status == status && kTunnelled.starts_with(received_.body);
  }
  // Only the first response is the planned one.
  const bool is_second = backend_->arrivals(id_) > 1;
  const bool is_nothing = wanted.answer.framing == Answer::Framing::nothing && !is_second;
  const bool is_empty = wanted.question.method == "HEAD" || is_nothing;
  const int status = is_nothing ? 204 : 200;
  return received_.is_whole() && received_.status == status &&
         received_.body == content_of(id_, is_empty ? 0 : 23);
}

// Reports whether the response is the meaning of the bytes that the backend sent with the fault.
bool FaultMatrix::is_answer_of_h1(const Case& wanted) const {
  const H1Message sent = read_h1_response(backend_sent_, wanted.question.method, backend_closed_);
  return sent.is_whole() && received_.is_whole() && received_.status == sent.status &&
         received_.body == sent.body && own_fields(received_.fields) == own_fields(sent.fields);
}

bool FaultMatrix::is_answer_of_h2(const Case& wanted) const {
  if (wanted.backend.way != Way::garble || !received_.is_whole()) return false;
  // Without a length, only the frames mark the end, and one of them is garbled.
  if (wanted.answer.framing != Answer::Framing::length) return true;
  const std::string content = content_of(id_, wanted.question.method == "HEAD" ? 0 : 23);
  return received_.status >= 200 && received_.status != 502 && received_.status != 504 &&
         resembles(received_.body, content);
}

std::string FaultMatrix::judge_answer(const Case& wanted) const {
  if (wanted.refuses) {
    const bool is_told = is_own_failure() && received_.status == 502;
    return is_told ? std::string() : "no peer could be connected to";
  }
  const bool by_end = wanted.answer.framing == Answer::Framing::until_close;
  const Way way = wanted.backend.way;
  const bool harmless =
      way == Way::none || way == Way::delay ||
      (response_ > 0 && wanted.backend.at >= response_ && way != Way::garble && !by_end);
  if (is_whole_answer(wanted)) return {};
  if (harmless) return "this had to be a whole response";
  if (received_.end == Received::End::broken || is_own_failure()) return {};
  if (is_pausing(wanted)) return {};
  if (wanted.question.kind == Kind::upgrades && received_.end == Received::End::open) return {};
  const bool is_theirs =
      protocols_.backend == Protocol::h1 ? is_answer_of_h1(wanted) : is_answer_of_h2(wanted);
  return is_theirs ? std::string() : "this is neither the backend's response nor a failure";
}

std::string FaultMatrix::judge_requests(const Case& wanted, AskingClient& client) const {
  const int max = wanted.question.method == "POST" ? 1 : 3;
  if (backend_->arrivals(id_) > max)
    return "it was delivered " + std::to_string(backend_->arrivals(id_)) + " times";
  const std::string content = content_of(id_, wanted.question.size);
  for (const auto& [id, request] : backend_->requests()) {
    if (id.starts_with("b") || id.starts_with("f")) continue;
    if (wanted.client.way != Way::garble) {
      if (request.body != content) return "its content arrived as " + request.body.substr(0, 100);
      continue;
    }
    if (protocols_.client == Protocol::h1) {
      const H1Message sent = read_h1_request(client.wire().gone());
      if (!sent.is_whole()) return "something other than a request was delivered as one";
      if (request.method != sent.method || request.body != sent.body)
        return "it arrived as " + request.method + " " + request.body.substr(0, 100);
    } else if (wanted.question.kind != Kind::chunked && !resembles(request.body, content)) {
      return "its content arrived as " + request.body.substr(0, 100);
    }
  }
  const bool was_cut = wanted.client.way != Way::none && wanted.client.way != Way::garble &&
                       wanted.client.way != Way::delay && wanted.client.at < request_;
  const bool complete = backend_->requests().contains(id_);
  if (was_cut && complete) return "what was cut arrived as complete";
  return {};
}

// The record and the client must agree.
std::string FaultMatrix::judge_record(const Case& wanted) {
  // A garbled request may be two requests, or none, and its connection may be unusable.
  has_ended_ = wanted.client.way != Way::garble && !is_pausing(wanted);
  if (!has_ended_) return {};
  const std::size_t more = exchanges_.size() - records_;
  // A backend that has sent the announced content may still fail to end it.
  const bool stays = wanted.client.way == Way::none && wanted.leaving == Way::none;
  if (!stays || wanted.question.kind == Kind::upgrades) return {};
  const bool may_be_fewer = wanted.backend.way == Way::garble;
  has_ended_ = more == 2;
  if (!has_ended_ && !(more == 1 && may_be_fewer))
    return std::to_string(more) + " records, one of them of a request beside it";
  std::size_t complete = 0;
  for (std::size_t i = records_; i < exchanges_.size(); ++i)
    complete += exchanges_.at(i).outcome == Outcome::complete ? 1 : 0;
  const std::size_t seen = (received_.is_whole() ? 1U : 0U) + (bystander_whole_ ? 1U : 0U);
  if (complete == seen || (may_be_fewer && complete < seen)) return {};
  return std::to_string(complete) + " of 2 are recorded as complete, and " + std::to_string(seen) +
         " were";
}

}  // namespace onehop::test

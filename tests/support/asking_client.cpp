// SPDX-License-Identifier: Apache-2.0
#include "support/asking_client.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace onehop::test {
namespace {

using Kind = Question::Kind;

class H1Client final : public AskingClient {
 public:
  explicit H1Client(testing::Wire wire) : AskingClient(std::move(wire)) {}

  void ask(const Question& question, std::string_view id) override {
    method_ = question.method;
    input_.clear();
    const std::string content = content_of(id, question.size);
    std::string head(question.method);
    head += " / HTTP/1.1\r\nHost: h\r\nX-Id: " + std::string(id) + "\r\n";
    rest_ = content;
    if (question.kind == Kind::chunked) {
      head += "Transfer-Encoding: chunked\r\n";
      rest_ = chunks(content) + "0\r\nX-Sum: " + std::string(id) + "\r\n\r\n";
    } else if (question.method == "POST") {
      head += "Content-Length: " + std::to_string(content.size()) + "\r\n";
    }
    if (question.kind == Kind::expects) head += "Expect: 100-continue\r\n";
    if (question.kind == Kind::upgrades) {
      head += "Connection: Upgrade\r\nUpgrade: websocket\r\n";
      rest_.clear();
    }
    head += "\r\n";
    if (question.kind != Kind::expects) head += std::exchange(rest_, {});
    wire_.send(head);
  }

  void send_rest() override {
    if (!rest_.empty()) wire_.send(std::exchange(rest_, {}));
  }

  Received answer() override {
    input_ += wire_.receive();
    const bool ended = wire_.is_dead();
    const bool in_order = ended && !wire_.wire().was_reset();
    H1Message message = read_h1_response(input_, method_, in_order);
    Received received;
    received.has_head = message.has_head;
    received.status = message.status;
    received.fields = std::move(message.fields);
    received.body = std::move(message.body);
    received.trailers = std::move(message.trailers);
    if (message.is_whole()) {
      received.end = Received::End::whole;
      surplus_ = input_.size() > message.size;
      // The content of a tunnel.
      if (message.status == 101) received.body = input_.substr(message.size);
    } else if (ended || message.state == H1Message::State::malformed) {
      received.end = Received::End::broken;
    }
    says_close_ = value_of(received.fields, "connection").find("close") != std::string_view::npos ||
                  received.status == 101;
    return received;
  }

  bool goes_on() override { return !says_close_ && !surplus_ && !wire_.is_dead(); }

 private:
  static std::string chunks(std::string_view content) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    while (!content.empty()) {
      const std::string_view piece = content.substr(0, 15);
      text += kDigits[piece.size()];
      text += "\r\n" + std::string(piece) + "\r\n";
      content.remove_prefix(piece.size());
    }
    return text;
  }

  std::string method_;
  std::string input_;
  bool says_close_ = false;
  bool surplus_ = false;
};

class H2Client final : public AskingClient {
 public:
  explicit H2Client(testing::Wire wire) : AskingClient(std::move(wire)) {}

  void ask(const Question& question, std::string_view id) override {
    std::string first;
    if (stream_ == 0) {
      wire_.send(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0));
      // Large content needs more room than there is before the server's settings apply.
      peer_.take(wire_.receive());
      if (const std::string replies = peer_.replies(); !replies.empty()) wire_.send(replies);
    }
    stream_ = stream_ == 0 ? 1 : stream_ + 2;
    const std::string content = content_of(id, question.size);
    const bool has_rest = !content.empty() || question.kind == Kind::chunked;
    first += head(question, id, !has_rest && question.kind != Kind::upgrades);
    rest_ = data(content, question.kind != Kind::chunked);
    if (question.kind == Kind::chunked) {
      rest_ += h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders | h2_frames::kEndStream,
                                stream_, h2_frames::block({{"x-sum", id}}));
    }
    if (!has_rest || question.kind == Kind::upgrades) rest_.clear();
    if (question.kind != Kind::expects) first += std::exchange(rest_, {});
    wire_.send(first);
  }

  void send_rest() override {
    if (!rest_.empty()) wire_.send(std::exchange(rest_, {}));
  }

  Received answer() override {
    peer_.take(wire_.receive());
    if (const std::string replies = peer_.replies(); !replies.empty()) wire_.send(replies);
    const H2Peer::Message& message = peer_.streams()[stream_];
    Received received;
    received.has_head = message.has_head;
    received.fields = message.head;
    const std::string_view status = value_of(message.head, ":status");
    if (message.has_head) received.status = std::stoi(std::string(status));
    received.body = message.body;
    received.trailers = message.trailers;
    // RFC 9113 §8.1: a reset without an error after a whole response only stops the request.
    if (message.ended && message.reset.value_or(0) == 0) {
      received.end = Received::End::whole;
    } else if (message.reset || wire_.is_dead()) {
      received.end = Received::End::broken;
    }
    return received;
  }

  bool goes_on() override {
    return !peer_.has_said_goodbye() && !wire_.is_over() && !wire_.is_dead();
  }

 private:
  // Sends the head in two frames: HEADERS and CONTINUATION.
  std::string head(const Question& question, std::string_view id, bool end) const {
    std::string block;
    if (question.kind == Kind::upgrades) {
      block = h2_frames::block({{":method", "CONNECT"},
                                {":scheme", "http"},
                                {":authority", "h"},
                                {":path", "/"},
                                {":protocol", "websocket"},
                                {"sec-websocket-version", "13"},
                                {"x-id", id}});
    } else {
      block = h2_frames::block({{":method", question.method},
                                {":scheme", "http"},
                                {":authority", "h"},
                                {":path", "/"},
                                {"x-id", id}});
    }
    const std::string length = std::to_string(question.size);
    if (question.method == "POST" && question.kind != Kind::chunked)
      block += h2_frames::block({{"content-length", length}});
    if (question.kind == Kind::expects) block += h2_frames::block({{"expect", "100-continue"}});
    const std::size_t half = block.size() / 2;
    return h2_frames::frame(h2_frames::headers, end ? h2_frames::kEndStream : 0, stream_,
                            block.substr(0, half)) +
           h2_frames::frame(h2_frames::continuation, h2_frames::kEndHeaders, stream_,
                            block.substr(half));
  }

  std::string data(std::string_view content, bool end) const {
    constexpr std::size_t kMaxPieces = 3;
    const std::size_t size =
        std::min<std::size_t>(std::max<std::size_t>(content.size() / kMaxPieces, 1), 16'384);
    std::string text;
    while (!content.empty()) {
      const std::string_view piece = content.substr(0, size);
      content.remove_prefix(piece.size());
      const bool last = content.empty() && end;
      text += h2_frames::frame(h2_frames::data, last ? h2_frames::kEndStream : 0, stream_, piece);
    }
    return text;
  }

  H2Peer peer_;
  std::uint32_t stream_ = 0;
};

}  // namespace

std::string content_of(std::string_view id, std::size_t size) {
  std::string content = std::string(id) + ".";
  while (content.size() < size)
    content += content;
  content.resize(size);
  return content;
}

std::string describe(const Received& received) {
  std::string text = received.is_whole()                     ? "whole"
                     : received.end == Received::End::broken ? "broken"
                                                             : "open";
  text += " " + std::to_string(received.status);
  for (const auto& [name, value] : received.fields)
    text += " " + name + "=" + value;
  return text + " \"" + received.body.substr(0, 100) + "\"";
}

std::unique_ptr<AskingClient> AskingClient::make(Protocol protocol, testing::Wire wire) {
  if (protocol == Protocol::h1) return std::make_unique<H1Client>(std::move(wire));
  return std::make_unique<H2Client>(std::move(wire));
}

}  // namespace onehop::test

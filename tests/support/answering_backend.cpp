// SPDX-License-Identifier: Apache-2.0
#include "support/answering_backend.hpp"

#include "http/websocket_handshake.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace onehop::test {
namespace {

using Framing = Answer::Framing;

constexpr std::size_t kContent = 23;
constexpr std::string_view kTunnelled = "from the tunnel";

// --- HTTP/1 ------------------------------------------------------------------------------------

std::string h1_head(std::string_view status_line, std::string_view id) {
  return "HTTP/1.1 " + std::string(status_line) + "\r\nX-Id: " + std::string(id) + "\r\n";
}

std::string h1_answer(const Answer& answer, std::string_view method, std::string_view id) {
  std::string text;
  if (answer.hints) text = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const std::string content = content_of(id, kContent);
  const std::string_view sent = method == "HEAD" ? std::string_view() : content;
  switch (answer.framing) {
    case Framing::nothing:
      return text + h1_head("204 No Content", id) + "\r\n";
    case Framing::length:
      return text + h1_head("200 OK", id) + "Content-Length: " + std::to_string(content.size()) +
             "\r\n\r\n" + std::string(sent);
    case Framing::until_close:
      return text + h1_head("200 OK", id) + "\r\n" + std::string(sent);
    case Framing::chunked:
      break;
  }
  text += h1_head("200 OK", id) + "Transfer-Encoding: chunked\r\n\r\n";
  if (sent.empty()) return text;
  return text + "5\r\n" + content.substr(0, 5) + "\r\n12;a=b\r\n" + content.substr(5) +
         "\r\n0\r\nX-Sum: " + std::string(id) + "\r\n\r\n";
}

class H1Backend final : public AnsweringBackend {
 public:
  explicit H1Backend(testing::Network& network) : AnsweringBackend(network) {}

 private:
  struct H1Connection final : Connection {
    using Connection::Connection;
    std::string input;
    bool has_head = false;  // of the request that is being received
    bool continued = false;
    bool answered = false;
    bool is_tunnel = false;
  };

  std::unique_ptr<Connection> begin(testing::Wire wire) override {
    return std::make_unique<H1Connection>(std::move(wire));
  }

  bool serve(Connection& base) override {
    auto& connection = static_cast<H1Connection&>(base);
    const std::string more = connection.wire.receive();
    connection.input += more;
    if (connection.is_tunnel && connection.wire.is_dead()) connection.wire.close();
    if (connection.is_tunnel || connection.input.empty()) return !more.empty();
    const H1Message request = read_h1_request(connection.input);
    if (!request.has_head) return !more.empty();
    const std::string id(value_of(request.fields, "x-id"));
    if (!std::exchange(connection.has_head, true)) record_head(id);
    const Plan* const planned = plan_for(id);
    const bool expects = !value_of(request.fields, "expect").empty();
    if (expects && !std::exchange(connection.continued, true))
      send(connection, planned, "HTTP/1.1 100 Continue\r\n\r\n");
    if (waits(id)) return !more.empty();
    const bool whole = request.is_whole();
    if ((whole || (planned != nullptr && planned->early)) &&
        !std::exchange(connection.answered, true)) {
      answer(connection, request, planned, id);
    }
    if (!whole) return !more.empty();
    connection.input.erase(0, request.size);
    record_whole(id, request);
    connection.has_head = connection.answered = connection.continued = false;
    return true;
  }

  void send(H1Connection& connection, const Plan* planned, std::string_view data) {
    if (planned != nullptr) {
      send_planned(connection, data);
    } else {
      connection.wire.send(data);
    }
  }

  void answer(H1Connection& connection,
              const H1Message& request,
              const Plan* planned,
              std::string_view id) {
    if (!value_of(request.fields, "upgrade").empty()) {
      connection.is_tunnel = true;
      const std::string key(value_of(request.fields, "sec-websocket-key"));
      send(connection, planned,
           h1_head("101 Switching Protocols", id) +
               "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " +
               websocket_accept(key) + "\r\n\r\n" + std::string(kTunnelled));
      return;
    }
    const Answer kind = planned != nullptr ? planned->answer : Answer{};
    const std::string surplus = planned != nullptr ? planned->surplus : std::string();
    send(connection, planned, h1_answer(kind, request.method, id) + surplus);
    if (kind.framing == Framing::until_close && !connection.wire.is_over()) connection.wire.close();
  }
};

// --- HTTP/2 ------------------------------------------------------------------------------------

std::string h2_answer(const Answer& answer,
                      std::string_view method,
                      std::string_view id,
                      std::uint32_t stream) {
  using namespace h2_frames;
  const std::uint8_t end_both = kEndHeaders | kEndStream;
  std::string text;
  if (answer.hints)
    text = frame(headers, kEndHeaders, stream, block({{":status", "103"}, {"link", "</a>"}}));
  if (answer.framing == Framing::nothing)
    return text + frame(headers, end_both, stream, block({{":status", "204"}, {"x-id", id}}));
  const std::string content = content_of(id, kContent);
  const std::string length = std::to_string(content.size());
  std::string head = block({{":status", "200"}, {"x-id", id}});
  if (answer.framing == Framing::length) head += block({{"content-length", length}});
  const bool is_head = method == "HEAD";
  const std::size_t half = head.size() / 2;
  text += frame(headers, is_head ? kEndStream : 0, stream, std::string_view(head).substr(0, half));
  text += frame(continuation, kEndHeaders, stream, std::string_view(head).substr(half));
  if (is_head) return text;
  const bool has_trailers = answer.framing == Framing::chunked;
  text += frame(data, 0, stream, content.substr(0, 5));
  text += frame(data, has_trailers ? 0 : kEndStream, stream, content.substr(5));
  if (has_trailers) text += frame(headers, end_both, stream, block({{"x-sum", id}}));
  return text;
}

class H2Backend final : public AnsweringBackend {
 public:
  explicit H2Backend(testing::Network& network) : AnsweringBackend(network) {}

 private:
  struct H2Connection final : Connection {
    using Connection::Connection;
    H2Peer peer;
    bool greeted = false;
    struct Progress {
      bool has_head = false;
      bool continued = false;
      bool answered = false;
      bool whole = false;
      bool is_tunnel = false;
    };
    std::map<std::uint32_t, Progress> progress;
  };

  std::unique_ptr<Connection> begin(testing::Wire wire) override {
    return std::make_unique<H2Connection>(std::move(wire));
  }

  bool serve(Connection& base) override {
    auto& connection = static_cast<H2Connection&>(base);
    const std::string more = connection.wire.receive();
    connection.peer.take(more);
    if (!std::exchange(connection.greeted, true)) {
      using namespace h2_frames;
      // Room for large content: 1 MiB for each stream, and for the connection.
      const std::string settings_of_ours =
          number(4, 2) + number(1 << 20, 4) + number(8, 2) + number(1, 4);  // and upgrades
      connection.wire.send(frame(settings, 0, 0, settings_of_ours) +
                           frame(window_update, 0, 0, number(1 << 20, 4)));
    }
    bool did = !more.empty();
    if (const std::string replies = connection.peer.replies(); !replies.empty())
      connection.wire.send(replies);
    for (const auto& [stream, message] : connection.peer.streams()) {
      if (stream != 0 && message.has_head && !message.reset)
        did = serve_stream(connection, stream, message) || did;
    }
    return did;
  }

  bool serve_stream(H2Connection& connection,
                    std::uint32_t stream,
                    const H2Peer::Message& message) {
    H2Connection::Progress& progress = connection.progress[stream];
    const std::string id(value_of(message.head, "x-id"));
    if (!std::exchange(progress.has_head, true)) record_head(id);
    const Plan* const planned = plan_for(id);
    const bool expects = !value_of(message.head, "expect").empty();
    if (expects && !std::exchange(progress.continued, true)) {
      send(connection, planned,
           h2_frames::frame(h2_frames::headers, h2_frames::kEndHeaders, stream,
                            h2_frames::block({{":status", "100"}})));
    }
    if (message.ended && !std::exchange(progress.whole, true)) {
      if (progress.is_tunnel)
        connection.wire.send(h2_frames::frame(h2_frames::data, h2_frames::kEndStream, stream));
      H1Message request;
      request.method = value_of(message.head, ":method");
      request.body = message.body;
      request.trailers = message.trailers;
      record_whole(id, std::move(request));
    }
    const bool is_tunnel = !value_of(message.head, ":protocol").empty();
    const bool now =
        !waits(id) && (message.ended || is_tunnel || (planned != nullptr && planned->early));
    if (!now || std::exchange(progress.answered, true)) return false;
    if (is_tunnel) {
      using namespace h2_frames;
      progress.is_tunnel = true;
      send(connection, planned,
           frame(headers, kEndHeaders, stream, block({{":status", "200"}, {"x-id", id}})) +
               frame(data, 0, stream, kTunnelled));
      return true;
    }
    const Answer kind = planned != nullptr ? planned->answer : Answer{};
    const std::string surplus = planned != nullptr ? planned->surplus : std::string();
    const std::string_view method = value_of(message.head, ":method");
    send(connection, planned, h2_answer(kind, method, id, stream) + surplus);
    return true;
  }

  void send(H2Connection& connection, const Plan* planned, std::string_view data) {
    if (planned != nullptr && !planned->whole_connection) {
      send_planned(connection, data);
    } else {
      connection.wire.send(data);
    }
  }
};

}  // namespace

// --- both --------------------------------------------------------------------------------------

std::unique_ptr<AnsweringBackend> AnsweringBackend::make(Protocol protocol,
                                                         testing::Network& network) {
  if (protocol == Protocol::h1) return std::make_unique<H1Backend>(network);
  return std::make_unique<H2Backend>(network);
}

void AnsweringBackend::plan(Plan plan) {
  plan_ = std::move(plan);
  planned_ = nullptr;
  arrivals_.clear();
  whole_.clear();
  std::erase_if(connections_, [](const auto& each) { return each->wire.is_dead(); });
}

const AnsweringBackend::Plan* AnsweringBackend::plan_for(std::string_view id) const {
  return plan_ && plan_->id == id && arrivals(id) == 1 ? &*plan_ : nullptr;
}

int AnsweringBackend::arrivals(std::string_view id) const {
  const auto found = arrivals_.find(id);
  return found == arrivals_.end() ? 0 : found->second;
}

bool AnsweringBackend::accept_one() {
  try {
    connections_.push_back(begin(network_.accept("backend:80")));
  } catch (const std::out_of_range&) {
    return false;
  }
  connections_.back()->wire.on_refusal([this] { refuse(); });
  if (plan_ && plan_->whole_connection && planned_ == nullptr) {
    planned_ = connections_.back().get();
    planned_->wire.plan(plan_->fault);
  }
  return true;
}

void AnsweringBackend::work() {
  bool goes_on = true;
  while (goes_on) {
    goes_on = accept_one();
    for (const auto& connection : connections_)
      goes_on = serve(*connection) || goes_on;
  }
}

void AnsweringBackend::answer_waiting() {
  waits_.clear();
  work();
}

void AnsweringBackend::release() {
  for (const auto& connection : connections_)
    connection->wire.release();
  work();
}

void AnsweringBackend::send_planned(Connection& connection, std::string_view data) {
  if (planned_ == nullptr) {
    planned_ = &connection;
    connection.wire.plan(plan_->fault);
  }
  connection.wire.send(data);
}

std::string_view AnsweringBackend::gone() const {
  return planned_ != nullptr ? planned_->wire.gone() : std::string_view();
}

bool AnsweringBackend::closed_in_order() const {
  return planned_ != nullptr && planned_->wire.has_closed();
}

std::size_t AnsweringBackend::open_connections() {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const auto& each) { return !each->wire.is_dead(); }));
}

}  // namespace onehop::test

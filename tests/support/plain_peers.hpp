// SPDX-License-Identifier: Apache-2.0
//
// Clients and backends of either HTTP version on wires. They send GET requests and responses
// without content, with heads of any size that the test chooses.
// Thread: owner.
#pragma once

#include <onehop/testing.hpp>

#include "support/h1_message.hpp"
#include "support/h2_peer.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace onehop::test {

// The server's host name.
inline constexpr std::string_view kPlainHost = "h";

inline std::string h1_fields(const Lines& lines) {
  std::string text;
  for (const auto& [name, value] : lines)
    text += name + ": " + value + "\r\n";
  return text;
}
inline std::vector<Field> h2_fields(std::vector<Field> fields, const Lines& lines) {
  for (const auto& [name, value] : lines)
    fields.push_back({name, value});
  return fields;
}

struct PlainReply {
  int status = 0;
  bool is_whole = false;
  Lines fields;
};

class PlainClient {
 public:
  virtual ~PlainClient() = default;
  virtual void ask(std::string_view path, const Lines& fields) = 0;
  virtual PlainReply reply() = 0;
  virtual bool is_over() = 0;
};

class PlainH1Client final : public PlainClient {
 public:
  explicit PlainH1Client(testing::Wire wire) : wire_(std::move(wire)) {}
  void ask(std::string_view path, const Lines& fields) override {
    input_.clear();
    wire_.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: " + std::string(kPlainHost) +
               "\r\n" + h1_fields(fields) + "\r\n");
  }
  PlainReply reply() override {
    input_ += wire_.receive();
    const H1Message message = read_h1_response(input_, "GET", wire_.at_end());
    return {message.status, message.is_whole(), message.fields};
  }
  bool is_over() override { return wire_.at_end(); }

 private:
  testing::Wire wire_;
  std::string input_;
};

class PlainH2Client final : public PlainClient {
 public:
  explicit PlainH2Client(testing::Wire wire) : wire_(std::move(wire)) {
    wire_.send(std::string(h2_frames::kPreface) + h2_frames::frame(h2_frames::settings, 0, 0));
  }
  void ask(std::string_view path, const Lines& fields) override {
    stream_ += 2;
    const std::vector<Field> all = h2_fields(
        {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", kPlainHost}},
        fields);
    wire_.send(h2_frames::head(stream_, h2_frames::block(all), true));
  }
  PlainReply reply() override {
    peer_.take(wire_.receive());
    const H2Peer::Message& message = peer_.streams()[stream_];
    PlainReply reply;
    if (message.has_head) reply.status = std::stoi(std::string(value_of(message.head, ":status")));
    reply.is_whole = message.ended && message.reset.value_or(0) == 0;
    reply.fields = message.head;
    return reply;
  }
  bool is_over() override { return wire_.at_end() || peer_.has_said_goodbye(); }

 private:
  testing::Wire wire_;
  H2Peer peer_;
  std::uint32_t stream_ = std::uint32_t(-1);
};

class PlainBackend {
 public:
  virtual ~PlainBackend() = default;
  // Returns the fields of the latest request, or std::nullopt if there is none.
  virtual std::optional<Lines> asked() = 0;
  virtual void answer(const Lines& fields) = 0;
  // Sends a 103 before the response.
  virtual void hint(const Lines& fields) = 0;
  // Continues to send the last response.
  virtual void go_on() = 0;
};

class PlainH1Backend final : public PlainBackend {
 public:
  explicit PlainH1Backend(testing::Network& network) : network_(network) {}
  std::optional<Lines> asked() override {
    try {
      connections_.push_back({network_.accept("backend:80"), {}});
    } catch (const std::out_of_range&) {  // no new connection
    }
    for (Connection& connection : connections_) {
      connection.input += connection.wire.receive();
      const H1Message message = read_h1_request(connection.input);
      if (!message.is_whole()) continue;
      connection.input.clear();
      last_ = &connection.wire;
      Lines fields = message.fields;
      fields.emplace_back(":path", message.target);
      return fields;
    }
    return std::nullopt;
  }
  void answer(const Lines& fields) override {
    last_->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + h1_fields(fields) + "\r\n");
  }
  void hint(const Lines& fields) override {
    last_->send("HTTP/1.1 103 Early Hints\r\n" + h1_fields(fields) + "\r\n");
  }
  void go_on() override {
    if (last_) last_->send({});
  }

 private:
  struct Connection {
    testing::Wire wire;
    std::string input;
  };
  testing::Network& network_;
  std::list<Connection> connections_;
  testing::Wire* last_ = nullptr;
};

class PlainH2Backend final : public PlainBackend {
 public:
  explicit PlainH2Backend(testing::Network& network) : network_(network) {}
  std::optional<Lines> asked() override {
    if (!wire_) {
      try {
        wire_.emplace(network_.accept("backend:80"));
      } catch (const std::out_of_range&) {
        return std::nullopt;
      }
      wire_->send(h2_frames::frame(h2_frames::settings, 0, 0));
    }
    peer_.take(wire_->receive());
    wire_->send(peer_.replies());
    for (auto& [stream, message] : peer_.streams()) {
      if (stream <= last_ || !message.ended) continue;
      last_ = stream;
      return message.head;
    }
    return std::nullopt;
  }
  void answer(const Lines& fields) override {
    const std::vector<Field> all = h2_fields({{":status", "200"}, {"content-length", "0"}}, fields);
    wire_->send(h2_frames::head(last_, h2_frames::block(all), true));
  }
  void hint(const Lines& fields) override {
    wire_->send(
        h2_frames::head(last_, h2_frames::block(h2_fields({{":status", "103"}}, fields)), false));
  }
  void go_on() override {
    if (wire_) wire_->send({});
  }

 private:
  testing::Network& network_;
  std::optional<testing::Wire> wire_;
  H2Peer peer_;
  std::uint32_t last_ = 0;
};

inline std::unique_ptr<PlainClient> plain_client(bool h2, testing::Wire wire) {
  if (h2) return std::make_unique<PlainH2Client>(std::move(wire));
  return std::make_unique<PlainH1Client>(std::move(wire));
}
inline std::unique_ptr<PlainBackend> plain_backend(bool h2, testing::Network& network) {
  if (h2) return std::make_unique<PlainH2Backend>(network);
  return std::make_unique<PlainH1Backend>(network);
}

}  // namespace onehop::test

// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a fuzzed tunnel: of HTTP/1, which is the connection, and of HTTP/2, which is a
// stream that keeps to the windows of the proxy and opens its own when it is told to. One thread.
#pragma once

#include <onehop/testing.hpp>

#include "h2_messages.hpp"
#include "h2_output.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace onehop::fuzz {

// Content of a tunnel: no two neighbouring pieces look the same.
std::string tunnel_text(std::size_t from, std::size_t size);

class TunnelEnd {
 public:
  // In one direction: far more than what any window, buffer and socket on the way takes.
  static constexpr std::size_t kMax = 1'000'000;

  TunnelEnd(const char* name, testing::Wire wire) : name_(name), wire_(std::move(wire)) {}
  virtual ~TunnelEnd() = default;
  TunnelEnd(const TunnelEnd&) = delete;
  TunnelEnd& operator=(const TunnelEnd&) = delete;

  void say(std::size_t size);
  void end();
  void read();
  // What a connection of HTTP/2 wants now and then.
  virtual void keep_alive() {}
  // Bytes that it takes from the connection; over HTTP/2 also what its windows let through.
  void limit(std::size_t bytes);
  virtual void open(std::uint32_t /*size*/, bool /*of_stream*/) {}
  // Takes all there is from now on.
  virtual void open_all();
  // A GOAWAY that leaves the tunnel alone.
  virtual void announce_end(bool /*again*/) {}
  // One that does not: nothing was processed.
  virtual void refuse() {}
  void leave(bool whole_connection);

  bool has_ended() const noexcept { return ended_; }
  bool left() const noexcept { return left_; }
  std::size_t said() const noexcept { return said_; }
  // What has arrived here.
  std::string heard;
  bool heard_end = false;
  bool heard_failure = false;
  int hints = 0;  // 1xx before the tunnel

 protected:
  virtual void send(std::string_view content, bool last) = 0;
  virtual void receive() = 0;
  virtual void reset() = 0;
  testing::Wire& wire() noexcept { return wire_; }
  void note(std::string_view what, std::string_view details = {}) const;
  void set_left() noexcept { left_ = true; }

 private:
  const char* name_;
  testing::Wire wire_;
  std::size_t said_ = 0;
  bool ended_ = false;
  bool left_ = false;
};

class H1TunnelEnd final : public TunnelEnd {
 public:
  using TunnelEnd::TunnelEnd;
  // The message at the beginning: a request or a 101, behind every other 1xx.
  std::string take_head();
  void send_head(std::string_view head) { wire().send(head); }

 private:
  void send(std::string_view content, bool last) override;
  void receive() override;
  void reset() override { wire().reset(); }
  std::string take_one_head();

  std::string data_;
};

class H2TunnelEnd final : public TunnelEnd {
 public:
  // The usual ones open again when it reads, those that are shut when it is told to.
  H2TunnelEnd(const char* name, testing::Wire wire, std::string_view preface, Windows windows);
  H2Message& take_head();
  void keep_alive() override;
  void open(std::uint32_t size, bool of_stream) override;
  void open_all() override;
  void announce_end(bool again) override;
  void refuse() override;
  void send_head(std::string_view block);

 private:
  static constexpr std::uint32_t kStream = 1;

  void write(std::string_view frames);
  void take();
  // As much of what was said as the windows of the proxy let through.
  void pass_on();
  void send(std::string_view content, bool last) override;
  void receive() override;
  void reset() override;

  H2Messages messages_;
  Windows windows_;
  std::string pending_;
  bool ends_ = false;       // after that
  bool has_ended_ = false;  // END_STREAM is out
  bool is_last_ = false;    // by its second GOAWAY
  bool is_client_;
};

}  // namespace onehop::fuzz

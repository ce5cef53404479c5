// SPDX-License-Identifier: Apache-2.0
//
// The two ends of a fuzzed tunnel. Over HTTP/1, a tunnel is the connection; over HTTP/2, it is a
// stream that obeys the proxy's windows and enlarges its own as the script says.
// Thread: owner.
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

// Returns content of a tunnel, in which adjacent pieces always differ.
std::string tunnel_text(std::size_t from, std::size_t size);

class TunnelEnd {
 public:
  // The maximum in one direction, far more than all windows, buffers and sockets on the way hold.
  static constexpr std::size_t kMax = 1'000'000;

  TunnelEnd(const char* name, testing::Wire wire) : name_(name), wire_(std::move(wire)) {}
  virtual ~TunnelEnd() = default;
  TunnelEnd(const TunnelEnd&) = delete;
  TunnelEnd& operator=(const TunnelEnd&) = delete;

  void say(std::size_t size);
  void end();
  void read();
  // Sends the control frames that an HTTP/2 connection needs.
  virtual void keep_alive() {}
  // Limits the bytes that this end reads from the connection and, over HTTP/2, its windows.
  void limit(std::size_t bytes);
  virtual void open(std::uint32_t /*size*/, bool /*of_stream*/) {}
  // Reads everything from then on.
  virtual void open_all();
  // Sends a GOAWAY that keeps the tunnel.
  virtual void announce_end(bool /*again*/) {}
  // Sends a GOAWAY that ends the tunnel, because it reports that no stream was processed.
  virtual void refuse() {}
  void leave(bool whole_connection);

  bool has_ended() const noexcept { return ended_; }
  bool left() const noexcept { return left_; }
  std::size_t said() const noexcept { return said_; }
  // The content that has arrived at this end.
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
  // Removes and returns the request or 101 at the beginning, after every other 1xx.
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
  // Windows::usual opens its windows as it reads; Windows::shut opens them when the script says so.
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
  // Sends as much of the content as the proxy's windows allow.
  void pass_on();
  void send(std::string_view content, bool last) override;
  void receive() override;
  void reset() override;

  H2Messages messages_;
  Windows windows_;
  std::string pending_;
  bool ends_ = false;       // after the pending content
  bool has_ended_ = false;  // END_STREAM is sent
  bool is_last_ = false;    // by its second GOAWAY
  bool is_client_;
};

}  // namespace onehop::fuzz

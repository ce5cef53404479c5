// SPDX-License-Identifier: Apache-2.0
//
// H2Content is the content of one HTTP/2 request, taken from its stream. The H2Exchange owns it.
// Thread: owner.
#pragma once

#include "base/poll.hpp"
#include "http/h2/stream.hpp"
#include "io/event.hpp"
#include "net/stream.hpp"
#include "server/request_body.hpp"
#include "wire/h2_link.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace onehop::server {

class H2Content final : public RequestContent {
 public:
  // The exchange that the content belongs to.
  class Owner {
   public:
    // Called when the handler reads the content of a client that waits for a 100 (Continue).
    virtual void send_continue() = 0;
    // Called when the handler will not read the rest.
    virtual void on_content_dropped() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // All arguments must outlive the content.
  H2Content(h2::Stream& stream, wire::H2Link& link, Owner& owner) noexcept
      : stream_(stream), link_(link), owner_(owner), changed_(link.reactor()) {}
  H2Content(const H2Content&) = delete;
  H2Content& operator=(const H2Content&) = delete;
  ~H2Content() { take_back(); }

  // Reports whether the end of a request without content may arrive soon. Some clients send it in a
  // separate frame, shortly after the head. The server waits for that frame if the method usually
  // has no content: an HTTP/1 upstream would otherwise get an empty chunked body. Some refuse that.
  bool may_end_soon() const noexcept;
  // Returns when the end or content has arrived, or after 10 ms.
  task<void> wait_for_end();

  // `length`: from Content-Length. `expects_continue`: the client waits for a 100 before it sends.
  std::unique_ptr<RequestBody> begin(std::optional<std::uint64_t> length,
                                     std::uint64_t max_body,
                                     bool expects_continue);
  // Called from Stream::on_event().
  void on_event() noexcept;
  // The waits that the timeout limits.
  enum class Timed : std::uint8_t {
    nothing,
    client,  // a reader waiting for the client; it gets an error
    all,     // also the time between two reads; a body that is only held is taken back
  };
  // Called periodically.
  void watch(net::Time now, net::Duration timeout, Timed timed);
  // Returns when the body is gone.
  task<void> until_dropped();

 private:
  Poll<bytes> read_body(std::size_t max) override;
  void begin_body_wait() override;
  void end_body_wait() noexcept override { is_awaited_ = false; }
  // If there are trailers, the next read has to take them before it reports the end.
  bool body_at_end() const noexcept override {
    return stream_.at_end() && !stream_.has_trailers() && !failure_;
  }
  const Headers& body_trailers() const noexcept override { return trailers_; }
  void on_body_dropped() noexcept override {
    changed_.set();
    owner_.on_content_dropped();
  }
  Result<bytes> fail(Error error);

  h2::Stream& stream_;
  wire::H2Link& link_;
  Owner& owner_;
  Headers trailers_;
  std::optional<Error> failure_;
  std::uint64_t max_body_ = 0;
  net::Time active_{};       // when a reader began to wait or last read
  io::Event changed_;        // the request has ended, or its body is gone
  bool is_awaited_ = false;  // by a reader
  bool waits_for_end_ = false;
  bool trailers_taken_ = false;
  bool expects_continue_ = false;
};

}  // namespace onehop::server

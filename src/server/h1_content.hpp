// SPDX-License-Identifier: Apache-2.0
//
// H1Content is the content of one HTTP/1 request and, during its exchange, the only reader of the
// client's connection. It wakes the RequestBody that the handler reads. Code that ends the exchange
// takes the content back first. The H1Exchange owns it.
// Thread: owner.
#pragma once

#include "base/arena.hpp"
#include "base/poll.hpp"
#include "http/h1/limits.hpp"
#include "http/message_framing.hpp"
#include "io/event.hpp"
#include "net/stream.hpp"
#include "server/request_body.hpp"
#include "wire/h1_body_reader.hpp"
#include "wire/read_buffer.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace onehop::server {

class H1Content final : public RequestContent {
 public:
  // The exchange that the content belongs to.
  class Owner {
   public:
    // Called when the handler reads the content of a client that waits for a 100 (Continue).
    virtual void send_continue() = 0;

   protected:
    ~Owner() = default;
  };

  // `timeout`: how long the client may be silent while its content is read.
  H1Content(net::Stream& stream,
            wire::ReadBuffer& input,
            Owner& owner,
            net::Duration timeout) noexcept;
  H1Content(const H1Content&) = delete;
  H1Content& operator=(const H1Content&) = delete;
  ~H1Content() { take_back(); }

  // Starts reading. `expects_continue`: the client waits for a 100 before it sends the content.
  std::unique_ptr<RequestBody> begin(const BodyFraming& framing,
                                     const h1::Limits& trailer_limits,
                                     ArenaRef arena,
                                     std::uint64_t max_body,
                                     bool expects_continue);

  // Reports whether nothing more will be read for the handler: the content is complete or has
  // failed, or the handler has dropped the body.
  bool is_settled() const noexcept { return !is_lent() || at_end() || reader_.has_failed(); }
  // Wait until the content is settled, or its body dropped. Called after response_complete(). Both
  // take a body back if its holder reads nothing within the timeout.
  task<void> until_settled();
  task<void> until_dropped();
  bool at_end() const noexcept { return reader_.at_end(); }
  std::uint64_t received() const noexcept { return reader_.received(); }
  // Reports whether the client waits for a 100 that was not sent.
  bool awaits_continue() const noexcept { return continue_ == Continue::awaited; }
  // Records that a 100 is sent. Returns false if one was sent before.
  bool mark_continue_sent() noexcept {
    return std::exchange(continue_, Continue::sent) != Continue::sent;
  }
  // Reports whether a response may leave the connection open: the handler will read the rest of the
  // content, or the rest is small enough to be dropped.
  bool may_keep_connection() const noexcept;

  // Called when a response has begun. The client may be silent from then on, as in calls that
  // stream both ways.
  void response_begun() noexcept { is_timed_ = false; }
  // Called when the response is complete. The timeout applies to the client again.
  void response_complete();

  // Called after the client's end of stream. Reports whether the client has left, rather than only
  // sent its last request.
  bool client_is_gone();

  enum class Rest : std::uint8_t {
    dropped,    // the next request may be read
    too_large,  // or of unknown size; or the client waits for a 100, or reading has failed
    failed,
  };
  // Takes the content back, then reads and drops the rest if it is small.
  task<Rest> drop_rest();

 private:
  Poll<bytes> read_body(std::size_t max) override;
  void begin_body_wait() override;
  void end_body_wait() noexcept override;
  bool body_at_end() const noexcept override { return reader_.at_end(); }
  const Headers& body_trailers() const noexcept override { return reader_.trailers(); }
  void on_body_dropped() noexcept override;
  bool rest_is_small() const noexcept;
  void wait_for_client();
  task<void> wait_for_change();
  void on_readable();

  enum class Continue : std::uint8_t { not_awaited, awaited, sent };

  net::Stream& stream_;
  wire::ReadBuffer& input_;
  Owner& owner_;
  net::Duration timeout_;
  wire::H1BodyReader reader_;
  net::Stream::Waiter readable_;
  io::Event settled_;
  Continue continue_ = Continue::not_awaited;
  bool is_timed_ = true;
};

}  // namespace onehop::server

// SPDX-License-Identifier: Apache-2.0
//
// H2Connection is one HTTP/2 connection to an origin, shared by many requests. It reads as long as
// it lives, sends a PING if a stream is open and nothing arrives, and reports its end to its owner.
// Thread: owner.
#pragma once

#include "base/root_task.hpp"
#include "http/h2/session.hpp"
#include "transport/connection.hpp"
#include "wire/h2_link.hpp"

#include <limits>
#include <memory>
#include <string>

namespace onehop::transport {

// The initial window of a stream: how many bytes of a response may be held unread. A stream whose
// reader keeps up soon gets a larger window; all requests of a connection share 16 MiB at first.
inline constexpr std::uint32_t kStreamWindow = 64 * 1024;

class H2Connection final : public Connection, private h2::SessionObserver {
 public:
  // The origin that shares the connection among requests.
  class Owner : public Connection::Owner {
   public:
    // The connection has room for more requests, or takes no more.
    virtual void look_again_soon() noexcept = 0;
    // The connection ends without having carried a request.
    virtual void back_off() noexcept = 0;
    // The upstream requires HTTP/1.1.
    virtual void use_http1() = 0;
    // Destroys the connection, which is over.
    virtual void remove(H2Connection& connection) = 0;

   protected:
    ~Owner() = default;
  };
  // A request on the connection.
  class User : public ListNode {
   public:
    User() = default;
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    // The connection is being destroyed. `timed_out` is true if the upstream did not acknowledge a
    // PING.
    virtual void on_connection_lost(bool timed_out) noexcept = 0;

   protected:
    ~User() = default;
  };

  // `owner` outlives it.
  H2Connection(Owner& owner,
               Slot slot,
               std::unique_ptr<net::Stream> stream,
               const std::string& address);
  ~H2Connection();

  void start();

  wire::H2Link& link() noexcept { return link_; }
  h2::Session& session() noexcept { return session_; }
  Owner& owner() const noexcept { return owner_; }
  bool was_used() const noexcept { return requests_ > 0; }

  // Returns how many more requests it can take; is_busy() reports whether it carries three quarters
  // of its limit.
  std::size_t room() const noexcept;
  bool has_room() const noexcept { return room() > 0; }
  bool is_busy() const noexcept;
  bool allows_none() const noexcept { return takes_requests() && limit() == 0; }
  bool takes_requests() const noexcept {
    return state_ == State::open && ping_ != Ping::deciding && ping_ != Ping::unanswered;
  }
  bool is_closing() const noexcept { return state_ != State::open && streams() == 0; }
  std::size_t streams() const noexcept { return session_.streams(); }
  // Returns the last stream that the upstream will serve, if a GOAWAY has named one.
  std::int32_t last_taken() const noexcept { return last_taken_; }
  // For a request that may not be sent twice: reads what has arrived, such as the end of the
  // connection, and reports whether it still takes requests. May cost a system call.
  bool takes_requests_after_a_look();
  bool knows_settings() const noexcept { return session_.peer_settings_known(); }

  // Takes no more requests. The connection ends with the last request in progress.
  void retire() noexcept;

  void add(User& request);
  void remove(User& request) noexcept;
  // Records that some of a response has arrived.
  void on_content() noexcept { content_at_ = stream_->reactor().now(); }
  // Sends a PING because a request has waited too long. Until the upstream acknowledges it, the
  // connection takes no requests.
  void suspect();
  // Takes no more requests, and ends once it has none.
  void close_idle();

 private:
  enum class State : std::uint8_t {
    open,
    ending,  // takes no more requests; those in progress continue
    over,    // reads nothing more
  };
  enum class Ping : std::uint8_t {
    none,        // no PING is unanswered
    sent,        // sent after a silence
    deciding,    // sent because a request waited too long; no new requests before the ACK
    unanswered,  // unanswered for too long: the connection is lost
  };

  h2::Stream* on_request() override { return nullptr; }
  void on_settings() override;
  void on_ping_answered() override;
  void on_goaway(std::int32_t last_stream, h2::ErrorCode reason) override;

  friend class RootTask<H2Connection>;
  RootTask<H2Connection> run();
  task<void> wait_for_acknowledgement();
  void on_exception() noexcept;
  std::size_t limit() const noexcept;
  void watch();
  void send_ping(Ping reason);
  void count_end() noexcept;
  void on_flushed();
  void on_watch();
  void on_reset_time();
  void on_ended();

  Owner& owner_;
  h2::Session session_;
  wire::H2Link link_;
  IntrusiveList<User> users_;
  net::Time idle_since_;
  net::Time pinged_{};
  net::Time content_at_{};
  io::Timer watch_;
  io::Timer resets_;  // sends withheld RST_STREAMs of cancelled requests
  io::Wakeup ended_;
  std::uint64_t requests_ = 0;
  std::int32_t last_taken_ = std::numeric_limits<std::int32_t>::max();
  State state_ = State::open;
  Ping ping_ = Ping::none;
  bool has_goaway_ = false;
  RootTask<H2Connection> running_;  // last: destroyed first, it uses the rest
};

}  // namespace onehop::transport

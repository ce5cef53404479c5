// SPDX-License-Identifier: Apache-2.0
//
// H2Connections holds the HTTP/2 connections of one origin on one worker. Requests share few of
// them. Thread: owner.
#pragma once

#include "transport/h2_connection.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace onehop::transport {

class H2Connections {
 public:
  // Returns a connection for one more request, or null if none has room: the fullest that is not
  // busy, so that the others may end; if all are busy, the emptiest. With `with_settings`, only
  // connections that know the peer's SETTINGS are considered.
  H2Connection* best(bool with_settings) const noexcept;
  // Returns how many more requests they can take.
  std::size_t room() const noexcept;
  // Reports whether the upstream allows no requests for the moment (RFC 9113 §5.1.2). Another
  // connection would not change that.
  bool allows_none() const noexcept;
  // Reports whether any connection still takes requests, even if it is full.
  bool takes_requests() const noexcept;
  // Returns how many connections are about to end: they have no requests and take none.
  std::size_t closing() const noexcept;

  // Adds `connection` and starts it.
  void add(std::unique_ptr<H2Connection> connection);
  // Returns the connection, or null if it is not in the list.
  std::unique_ptr<H2Connection> remove(const H2Connection& connection);
  // Begins to close an idle connection. Returns false if there is none.
  bool close_one_idle();
  void close_all_idle();
  // Retires all connections: they take no more requests and end with those in progress. A new
  // connection, which a request may be waiting for, is left alone.
  void end_all();
  void clear() { all_.clear(); }

 private:
  std::vector<std::unique_ptr<H2Connection>> all_;
};

}  // namespace onehop::transport

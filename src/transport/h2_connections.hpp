// SPDX-License-Identifier: Apache-2.0
//
// H2Connections: the HTTP/2 connections of one origin on one worker. Requests share few of them.
// Thread: owner.
#pragma once

#include "transport/h2_connection.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace onehop::transport {

class H2Connections {
 public:
  bool empty() const noexcept { return all_.empty(); }
  // A connection for one more request: the fullest that is not busy, so that the others may end, or
  // the emptiest of the busy ones; null if none has room. `with_settings`: only one that knows the
  // peer's SETTINGS.
  H2Connection* best(bool with_settings) const noexcept;
  // How many requests they can take now.
  std::size_t room() const noexcept;
  // RFC 9113 §5.1.2: an upstream that allows no requests for now; a further connection would not
  // change that.
  bool allows_none() const noexcept;
  // One of them will have room again.
  bool takes_requests() const noexcept;

  // Starts it.
  void add(std::unique_ptr<H2Connection> connection);
  // The connection, or null if it is not one of them.
  std::unique_ptr<H2Connection> remove(const H2Connection& connection);
  // Begins to close an idle one. Returns false if there is none.
  bool close_one_idle();
  void close_all_idle();
  // They take no more requests, and end with those that they have; but a new one, which a request
  // may wait for, is left alone.
  void end_all();
  void clear() { all_.clear(); }

 private:
  std::vector<std::unique_ptr<H2Connection>> all_;
};

}  // namespace onehop::transport

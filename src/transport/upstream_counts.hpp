// SPDX-License-Identifier: Apache-2.0
//
// UpstreamCounts holds what all workers know about one upstream: how the attempts to connect to it
// ended, in total and by address, and its connections by address. Only dials change it; requests
// change only the AddressCounters of their own worker. It outlives the Origins.
// Thread: any.
#pragma once

#include <onehop/transport.hpp>
#include <onehop/url.hpp>

#include "base/counter.hpp"
#include "base/lasting_texts.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace onehop::transport {

// The connections of one worker to one address, written by this worker. Thread: any.
struct AddressCounters {
  explicit AddressCounters(std::string text)
      : address(std::move(text)), lasting(lasting_addresses.keep(address)) {}

  const std::string address;
  const std::string_view lasting;  // kept as long as the process; empty if there was no room
  Counter open, http2;             // http2 is part of open
  Counter idle, streams;           // idle HTTP/1 connections, requests over HTTP/2
};

class UpstreamCounts {
 public:
  using Time = Transport::Statistics::Time;
  static constexpr std::size_t kMaxAddresses = 256;

  explicit UpstreamCounts(const Url& url);

  // Returns counters for a worker's connections to `address`. They count as long as the worker
  // holds them.
  std::shared_ptr<AddressCounters> counters_for(const std::string& address);
  // Records the end of an attempt to connect to one address.
  void record_attempt(std::string_view address, bool has_succeeded, Time now);
  // Records the end of an attempt to connect to any of the addresses.
  void record_dial(bool has_succeeded, Time now);
  Transport::Statistics::Upstream statistics() const;

 private:
  using Attempts = Transport::Statistics::Attempts;

  const std::string scheme_;
  const std::string host_;
  const std::uint16_t port_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  Attempts dials_;
  std::map<std::string, Attempts, std::less<>> addresses_;
  std::vector<std::shared_ptr<AddressCounters>> counters_;
};

}  // namespace onehop::transport

// SPDX-License-Identifier: Apache-2.0
//
// OverviewFeed serves the dashboard, its events and /status. While a viewer has the events open, it
// collects one Overview a second, which all viewers share, also those of different admin listeners.
// Each viewer has its own timer, so without viewers there is no work.
// Thread: any.
#pragma once

#include "observe/admin_pages.hpp"
#include "observe/overview.hpp"
#include "observe/overview_json.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace onehop::observe {

class OverviewFeed {
 public:
  static constexpr std::size_t kMaxViewers = 8;
  static constexpr std::chrono::milliseconds kInterval{1000};

  // `collect` is called on a thread of offload()'s pool and may block. Calls do not overlap, and
  // none happens after the destructor.
  explicit OverviewFeed(std::function<Overview()> collect);
  OverviewFeed(const OverviewFeed&) = delete;
  OverviewFeed& operator=(const OverviewFeed&) = delete;
  ~OverviewFeed();  // end()

  // Ends the events of all viewers. The pages respond with 503 from then on. Thread: any.
  void end() noexcept;

  // "/": HTML for browsers, text for other clients. "/events", "/status", "/requests" (text).
  std::vector<AdminPage> pages() const;
  // Returns the number of viewers of the events.
  std::size_t viewers() const;

 private:
  struct State;
  class Events;
  static task<Response> serve_dashboard(std::shared_ptr<State> state, Request request);
  static task<Response> serve_status(std::shared_ptr<State> state, Queries queries);
  static task<Response> serve_requests(std::shared_ptr<State> state);
  static Response serve_events(const std::shared_ptr<State>& state, Queries queries);

  std::shared_ptr<State> state_;
};

}  // namespace onehop::observe

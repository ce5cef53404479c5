// SPDX-License-Identifier: Apache-2.0
//
// Choice chooses where one request to an upstream goes, attempt by attempt. The request's round
// trip owns it. Thread: owner.
#pragma once

#include <onehop/detail/memory.hpp>

#include "transport/destinations.hpp"
#include "upstream/group.hpp"
#include "upstream/worker_view.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace onehop::upstream {

class Choice final : public transport::Destinations, public detail::InFramePool {
 public:
  explicit Choice(std::shared_ptr<Group> group) noexcept : group_(std::move(group)) {}
  ~Choice() override { leave(); }

  bool next(Request& request) override;
  bool has_next() const noexcept override;
  bool begin_again() noexcept override {
    attempts_ = 0;
    return true;
  }
  std::string_view connect_address() const noexcept override;
  transport::EndpointUse take_use() noexcept override;
  void on_failure(const Error& error, bool is_its_fault) noexcept override;
  bool on_response(Response& response) override;

 private:
  // Called on the worker of the request, before the first choice.
  void begin(const Request& request);
  Wanted wanted() const noexcept;
  std::optional<std::size_t> of_cookie() const noexcept;
  const Member& current() const noexcept { return view_->members()[*current_]; }
  void leave() noexcept;

  const std::shared_ptr<Group> group_;
  std::shared_ptr<WorkerView> view_;  // null until begin()
  io::Reactor* reactor_ = nullptr;
  std::optional<std::size_t> current_;
  std::array<std::size_t, Group::kMaxAttempts> tried_{};  // the last attempt is the current one
  std::size_t attempts_ = 0;
  transport::EndpointUse use_;
  std::uint64_t key_ = 0;
  std::uint64_t cookie_ = 0;  // the endpoint in the request's cookie; 0: none
  bool is_repeatable_ = false;
  bool is_secure_ = false;  // the client uses TLS
  bool tries_ = false;      // the current endpoint was ejected when it was chosen
};

}  // namespace onehop::upstream

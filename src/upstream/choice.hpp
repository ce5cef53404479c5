// SPDX-License-Identifier: Apache-2.0
//
// Choice: where one request to an upstream goes, attempt by attempt. Lives in the coroutine of its
// round trip. Thread: owner.
#pragma once

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

namespace onehop::upstream {

class Choice final : public transport::Destinations {
 public:
  // Both outlive it.
  Choice(Group& group,
         io::Reactor& reactor,
         std::shared_ptr<WorkerView> view,
         const Request& request);
  Choice(const Choice&) = delete;
  Choice& operator=(const Choice&) = delete;
  ~Choice();

  bool next(Request& request) override;
  bool has_next() const noexcept override;
  bool begin_again() noexcept override {
    attempts_ = 0;
    return true;
  }
  std::string_view connect_address() const noexcept override;
  transport::EndpointUse take_use() noexcept override;
  void on_failure(const Error& error, bool is_its_fault) noexcept override;
  bool on_response(const Response& response) noexcept override;

  // The value of the sticky cookie that the response has to set; std::nullopt if the client has it.
  std::optional<std::uint64_t> new_cookie() const noexcept;

 private:
  Wanted wanted() const noexcept;
  std::optional<std::size_t> of_cookie() const noexcept;
  const Member& current() const noexcept { return view_->members()[*current_]; }
  void leave() noexcept;

  Group& group_;
  io::Reactor& reactor_;
  const std::shared_ptr<WorkerView> view_;
  std::optional<std::size_t> current_;
  std::array<std::size_t, Group::kMaxAttempts> tried_{};  // the current one is the last of them
  std::size_t attempts_ = 0;
  transport::EndpointUse use_;
  std::uint64_t key_ = 0;
  std::uint64_t cookie_ = 0;  // of the request; 0: none
  bool is_repeatable_;
  bool tries_ = false;  // the current one was ejected when it was chosen
};

}  // namespace onehop::upstream

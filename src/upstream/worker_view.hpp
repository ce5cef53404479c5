// SPDX-License-Identifier: Apache-2.0
//
// WorkerView is one worker's copy of an upstream's list of endpoints, with the worker's balancer. A
// request keeps the view that it began with. Thread: owner.
#pragma once

#include "io/reactor.hpp"
#include "upstream/balancer.hpp"
#include "upstream/group.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace onehop::upstream {

class WorkerView {
 public:
  WorkerView(const Group& group, std::uint64_t generation, std::uint64_t seed)
      : generation_(generation),
        members_(group.members()),
        balancer_(*members_, group.options().balance, group.options().slow_start, seed) {}

  std::uint64_t generation() const noexcept { return generation_; }
  const MemberList& members() const noexcept { return *members_; }
  Balancer& balancer() noexcept { return balancer_; }

 private:
  const std::uint64_t generation_;
  const std::shared_ptr<const MemberList> members_;
  Balancer balancer_;
};

// The views of all upstreams on one worker.
class WorkerViews final : public io::WorkerLocal {
 public:
  // Returns the current view of `group`.
  static std::shared_ptr<WorkerView> view(io::Reactor& reactor,
                                          const std::shared_ptr<Group>& group);

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::weak_ptr<const Group> group;
    std::shared_ptr<WorkerView> view;
  };
  const std::shared_ptr<WorkerView>& find(const std::shared_ptr<Group>& group);

  std::vector<Entry> entries_;
};

}  // namespace onehop::upstream

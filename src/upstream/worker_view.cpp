// SPDX-License-Identifier: Apache-2.0
#include "upstream/worker_view.hpp"

#include "io/random_bytes.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace onehop::upstream {
namespace {

std::uint64_t random_seed() {
  std::array<unsigned char, sizeof(std::uint64_t)> filled{};
  io::fill_randomly(filled);
  std::uint64_t seed = 0;
  std::memcpy(&seed, filled.data(), sizeof seed);
  return seed;
}

std::shared_ptr<WorkerView> make_view(const Group& group) {
  // Reads the generation first: if the list is newer than the generation, the view is only replaced
  // again; if it were older, it would stay.
  const std::uint64_t generation = group.generation();
  return std::make_shared<WorkerView>(group, generation, random_seed());
}

}  // namespace

const std::shared_ptr<WorkerView>& WorkerViews::find(const std::shared_ptr<Group>& group) {
  const auto found = std::ranges::find(entries_, group->id(), &Entry::id);
  if (found != entries_.end()) {
    if (found->view->generation() != group->generation()) found->view = make_view(*group);
    return found->view;
  }
  std::erase_if(entries_, [](const Entry& entry) { return entry.group.expired(); });
  return entries_.emplace_back(Entry{group->id(), group, make_view(*group)}).view;
}

std::shared_ptr<WorkerView> WorkerViews::view(io::Reactor& reactor,
                                              const std::shared_ptr<Group>& group) {
  auto& views = reactor.local<WorkerViews>([] { return std::make_unique<WorkerViews>(); });
  return views.find(group);
}

}  // namespace onehop::upstream

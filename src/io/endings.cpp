// SPDX-License-Identifier: Apache-2.0
#include "io/endings.hpp"

#include <atomic>

namespace onehop::io {
namespace {

// How many numbers a thread takes at once, so that threads do not contend for each number.
constexpr Endings::Number kBlock = 1024;
std::atomic<Endings::Number> next_block = 1;

}  // namespace

Endings::Number Endings::new_number() noexcept {
  thread_local Number next = 0;
  thread_local Number end = 0;
  if (next == end) {
    next = next_block.fetch_add(kBlock, std::memory_order_relaxed);
    end = next + kBlock;
  }
  return next++;
}

Endings::Watch::Watch(Endings& endings, Number number, Callback callback)
    : endings_(endings), number_(number), wakeup_(callback) {
  endings_.watched_[number_].push_back(*this);
}

Endings::Watch::~Watch() {
  if (!is_linked()) return;
  unlink();
  endings_.forget(number_);
}

void Endings::forget(Number number) noexcept {
  const auto found = watched_.find(number);
  if (found != watched_.end() && found->second.empty()) watched_.erase(found);
}

}  // namespace onehop::io

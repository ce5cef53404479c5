// SPDX-License-Identifier: Apache-2.0
//
// OwningList: an IntrusiveList that owns its nodes.
// Thread: owner.
#pragma once

#include "base/check.hpp"
#include "base/intrusive_list.hpp"

#include <memory>
#include <utility>

namespace onehop {

// T derives from ListNode and is destroyed as a T.
template <class T>
class OwningList {
 public:
  OwningList() noexcept = default;
  OwningList(const OwningList&) = delete;
  OwningList& operator=(const OwningList&) = delete;
  ~OwningList() {
    while (!empty())
      take(front());
  }

  bool empty() const noexcept { return nodes_.empty(); }
  T& front() noexcept { return nodes_.front(); }
  T& add(std::unique_ptr<T> node) noexcept {
    ONEHOP_DCHECK(!static_cast<ListNode&>(*node).is_linked());
    T& added = *node.release();
    nodes_.push_back(added);
    return added;
  }
  // Removes `node`, which must be in the list, and passes its ownership to the caller.
  std::unique_ptr<T> take(T& node) noexcept {
    ONEHOP_DCHECK(static_cast<ListNode&>(node).is_linked());
    static_cast<ListNode&>(node).unlink();
    return std::unique_ptr<T>(&node);
  }
  // Calls `function` with each node present at the call. `function` may add nodes and take any
  // node. An exception ends the calls and is passed on.
  template <class Function>
  void for_each(Function function) {
    struct Waiting {
      explicit Waiting(IntrusiveList<T>& a) noexcept : all(a) { nodes.splice_back(all); }
      Waiting(const Waiting&) = delete;
      Waiting& operator=(const Waiting&) = delete;
      ~Waiting() { all.splice_back(nodes); }
      IntrusiveList<T>& all;
      IntrusiveList<T> nodes;
    } waiting(nodes_);
    while (T* node = waiting.nodes.pop_front()) {
      nodes_.push_back(*node);
      function(*node);
    }
  }

 private:
  IntrusiveList<T> nodes_;
};

}  // namespace onehop

// SPDX-License-Identifier: Apache-2.0
//
// IntrusiveList: a doubly linked list of nodes that live inside other objects. A node unlinks
// itself when it is destroyed, so a list never holds a dangling one. Nodes do not move.
// Thread: owner.
#pragma once

#include <cstddef>

namespace onehop {

class ListNode {
 public:
  ListNode() noexcept = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool is_linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (!next_) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <class T>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

// T derives from ListNode. The list does not own its nodes.
template <class T>
class IntrusiveList {
 public:
  IntrusiveList() noexcept { head_.next_ = head_.previous_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() { clear(); }

  bool empty() const noexcept { return head_.next_ == &head_; }
  T& front() noexcept { return static_cast<T&>(*head_.next_); }
  T& back() noexcept { return static_cast<T&>(*head_.previous_); }
  void push_back(T& node) noexcept { insert_before(head_, node); }
  void push_front(T& node) noexcept { insert_before(*head_.next_, node); }
  // Unlinks and returns the first node, or returns null if the list is empty.
  T* pop_front() noexcept {
    if (empty()) return nullptr;
    T& node = front();
    static_cast<ListNode&>(node).unlink();
    return &node;
  }
  void clear() noexcept {
    while (pop_front()) {
    }
  }
  // Calls `function` with each node, the first one first, until it returns false. It must not
  // change the list.
  template <class Function>
  void for_each_until(Function function) const {
    for (const ListNode* node = head_.next_; node != &head_; node = node->next_) {
      if (!function(static_cast<const T&>(*node))) return;
    }
  }
  // Moves every node of `other` to the end of this list.
  void splice_back(IntrusiveList& other) noexcept {
    if (other.empty()) return;
    ListNode* first = other.head_.next_;
    ListNode* last = other.head_.previous_;
    other.head_.next_ = other.head_.previous_ = &other.head_;
    first->previous_ = head_.previous_;
    head_.previous_->next_ = first;
    last->next_ = &head_;
    head_.previous_ = last;
  }

 private:
  static void insert_before(ListNode& place, ListNode& node) noexcept {
    node.unlink();
    node.next_ = &place;
    node.previous_ = place.previous_;
    place.previous_->next_ = &node;
    place.previous_ = &node;
  }

  ListNode head_;
};

}  // namespace onehop

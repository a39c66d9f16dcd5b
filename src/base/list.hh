// An intrusive doubly linked list: no allocation, O(1) removal by the element itself.
// The list owns nothing. A node unlinks itself when destroyed, so a dead element is never listed.
#pragma once

#include <cstddef>

#include "base/check.hh"

namespace becaused {

class ListNode {
  public:
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    ~ListNode() { unlink(); }

    bool linked() const { return next_ != nullptr; }
    void unlink() {
        if (!linked()) return;
        prev_->next_ = next_;
        next_->prev_ = prev_;
        next_ = prev_ = nullptr;
    }

  private:
    template <typename T>
    friend class List;
    ListNode* prev_ = nullptr;
    ListNode* next_ = nullptr;
};

// T derives from ListNode (publicly or through one base of its own for this list).
template <typename T>
class List {
  public:
    List() { head_.prev_ = head_.next_ = &head_; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;
    ~List() {
        while (!empty()) head_.next_->unlink();
        head_.next_ = head_.prev_ = nullptr;
    }

    bool empty() const { return head_.next_ == &head_; }
    void push_front(T& element) { insert_after(head_, element); }
    void push_back(T& element) { insert_after(*head_.prev_, element); }
    T* front() { return empty() ? nullptr : as_element(head_.next_); }
    T* back() { return empty() ? nullptr : as_element(head_.prev_); }
    T* next(T& element) {
        ListNode* node = static_cast<ListNode&>(element).next_;
        return node == &head_ ? nullptr : as_element(node);
    }
    // Moves every element of `other` to the end of this list.
    void splice(List& other) {
        while (T* element = other.front()) {
            static_cast<ListNode&>(*element).unlink();
            push_back(*element);
        }
    }

  private:
    static T* as_element(ListNode* node) { return static_cast<T*>(node); }
    static void insert_after(ListNode& place, T& element) {
        ListNode& node = element;
        CHECK(!node.linked());
        node.prev_ = &place;
        node.next_ = place.next_;
        place.next_->prev_ = &node;
        place.next_ = &node;
    }
    ListNode head_;
};

}  // namespace becaused

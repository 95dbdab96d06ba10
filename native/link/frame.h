#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "link/time.h"

namespace mqvpn::link {

/// struct virtio_net_hdr as TUNSETVNETHDRSZ counts it by default. It travels in front of each frame so that
/// a checksum the sender left to "the hardware" stays left to it on the far side: nobody computes it.
constexpr std::size_t kVnetHeaderBytes = 10;

/// One Ethernet frame in a pool slot. It is in one list at a time, so the links live inside it.
struct Frame {
  Frame* next;
  Frame* prev;
  /// In the queue: when it arrived. In the delay line: when it is due at the far end.
  Time at;
  /// Bytes of the Ethernet frame: 1514 for a full one. The vnet header is not link traffic.
  std::uint32_t length;
  std::uint32_t reserved;

  std::uint8_t* vnetHeader() { return reinterpret_cast<std::uint8_t*>(this + 1); }
  std::uint8_t* ethernet() { return vnetHeader() + kVnetHeaderBytes; }
};

/// An intrusive list of frames. It owns none of them.
class FrameList {
 public:
  bool empty() const { return head_ == nullptr; }
  Frame* front() const { return head_; }
  Frame* back() const { return tail_; }

  void pushBack(Frame* frame) {
    frame->next = nullptr;
    frame->prev = tail_;
    (tail_ != nullptr ? tail_->next : head_) = frame;
    tail_ = frame;
  }

  Frame* popFront() {
    Frame* frame = head_;
    head_ = frame->next;
    (head_ != nullptr ? head_->prev : tail_) = nullptr;
    return frame;
  }

  Frame* popBack() {
    Frame* frame = tail_;
    tail_ = frame->prev;
    (tail_ != nullptr ? tail_->next : head_) = nullptr;
    return frame;
  }

 private:
  Frame* head_ = nullptr;
  Frame* tail_ = nullptr;
};

}  // namespace mqvpn::link

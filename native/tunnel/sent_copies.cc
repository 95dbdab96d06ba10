#include "tunnel/sent_copies.h"

#include <algorithm>
#include <cstring>

namespace mqvpn::tunnel {

namespace {
constexpr std::size_t kLeastEntries = 64;
}  // namespace

SentCopies::Entry* SentCopies::find(std::uint64_t tag) {
  return tag >= first_ && tag < end_ ? &entry(tag) : nullptr;
}

void SentCopies::setDone(Entry& one) {
  if (one.state == State::kStranded) {
    --stranded_;
    strandedSparse_ -= one.sparse ? 1 : 0;
  }
  one.state = State::kDone;
}

void SentCopies::dropOldest() {
  setDone(entry(first_));
  ++first_;
}

/// Copies everything into a larger ring, in order.
void SentCopies::grow(std::size_t size) {
  std::vector<std::uint8_t> larger(size);
  std::size_t at = 0;
  for (std::uint64_t tag = first_; tag < end_; ++tag) {
    Entry& one = entry(tag);
    if (one.state == State::kDone) continue;
    std::memcpy(larger.data() + at, bytes_.data() + one.at, one.size);
    one.at = static_cast<std::uint32_t>(at);
    at += one.size;
  }
  bytes_.swap(larger);
  writeAt_ = at;
}

/// False: it cannot be kept.
bool SentCopies::makeRoom(std::size_t size, quic::Time now) {
  if (end_ - first_ == entries_.size()) {
    std::vector<Entry> more(std::max(kLeastEntries, entries_.size() * 2));
    for (std::uint64_t tag = first_; tag < end_; ++tag) more[tag & (more.size() - 1)] = entry(tag);
    entries_.swap(more);
  }
  if (bytes_.empty()) bytes_.resize(kLeastBytes);
  for (;;) {
    while (first_ < end_ && entry(first_).state == State::kDone) ++first_;
    if (first_ == end_) {
      writeAt_ = 0;
      return size <= bytes_.size();
    }
    const std::size_t oldest = entry(first_).at;
    // What is kept lies from `oldest` up to writeAt_, around the end or not.
    if (writeAt_ > oldest) {
      if (bytes_.size() - writeAt_ >= size) return true;
      if (oldest > size) {
        writeAt_ = 0;
        return true;
      }
    } else if (oldest - writeAt_ > size) {
      return true;
    }
    const Entry& first = entry(first_);
    const bool fresh = first.state != State::kDone && now - first.sentAt < kMostAge;
    if (fresh && bytes_.size() < kMostBytes)
      grow(bytes_.size() * 2);
    else
      dropOldest();
  }
}

std::uint64_t SentCopies::add(std::span<const std::uint8_t> packet, const quic::PacketId& carrier,
                              bool sparse, quic::Time now) {
  if (packet.size() > UINT16_MAX || !makeRoom(packet.size(), now)) return 0;
  Entry& one = entry(end_);
  one = {carrier,
         now,
         static_cast<std::uint32_t>(writeAt_),
         static_cast<std::uint16_t>(packet.size()),
         State::kInFlight,
         sparse};
  std::memcpy(bytes_.data() + writeAt_, packet.data(), packet.size());
  writeAt_ += packet.size();
  return end_++;
}

void SentCopies::onAcked(std::uint64_t tag) {
  if (Entry* one = find(tag)) setDone(*one);
}

void SentCopies::onLost(std::uint64_t tag) {
  if (Entry* one = find(tag); one != nullptr && one->state == State::kInFlight) setDone(*one);
}

void SentCopies::onStranded(std::uint64_t tag) {
  Entry* one = find(tag);
  if (one == nullptr || one->state != State::kInFlight) return;
  one->state = State::kStranded;
  ++stranded_;
  strandedSparse_ += one->sparse ? 1 : 0;
  scanFrom_ = std::min(scanFrom_, tag);
}

std::optional<SentCopies::Copy> SentCopies::next(std::uint32_t pathId, bool onlySparse, quic::Time now) {
  offered_ = 0;
  if ((onlySparse ? strandedSparse_ : stranded_) == 0) return std::nullopt;
  scanFrom_ = std::max(scanFrom_, first_);
  bool passed = false;
  for (std::uint64_t tag = scanFrom_; tag < end_ && stranded_ > 0; ++tag) {
    Entry& one = entry(tag);
    if (one.state == State::kStranded && now - one.sentAt >= kMostAge) setDone(one);
    if (one.state != State::kStranded) {
      if (!passed) scanFrom_ = tag + 1;
      continue;
    }
    if (one.carrier.path != pathId && (one.sparse || !onlySparse)) {
      offered_ = tag;
      return Copy{std::span(bytes_).subspan(one.at, one.size), one.carrier};
    }
    passed = true;
  }
  if (stranded_ == 0) scanFrom_ = end_;
  return std::nullopt;
}

void SentCopies::pop() {
  if (Entry* one = find(offered_)) setDone(*one);
  offered_ = 0;
}

void SentCopies::clear() {
  std::vector<std::uint8_t>().swap(bytes_);
  std::vector<Entry>().swap(entries_);
  first_ = scanFrom_ = end_;
  writeAt_ = stranded_ = strandedSparse_ = 0;
  offered_ = 0;
}

}  // namespace mqvpn::tunnel

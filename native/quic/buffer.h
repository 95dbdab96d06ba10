#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mqvpn::quic {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint64_t kVarintMax = (std::uint64_t{1} << 62) - 1;

/// Bytes that RFC 9000 §16 needs for `value`: 1, 2, 4 or 8.
constexpr std::size_t varintSize(std::uint64_t value) {
  return value < 64 ? 1 : value < 16384 ? 2 : value < 1073741824 ? 4 : 8;
}

/// Reads from a span. After the first failure every read fails; what was read since is 0.
class Reader {
 public:
  explicit Reader(Bytes data) : data_(data) {}

  bool ok() const { return ok_; }
  bool empty() const { return at_ == data_.size(); }
  std::size_t remaining() const { return data_.size() - at_; }
  std::size_t position() const { return at_; }
  Bytes rest() const { return data_.subspan(at_); }

  std::uint8_t u8() { return need(1) ? data_[at_++] : std::uint8_t{0}; }
  std::uint16_t u16() { return static_cast<std::uint16_t>(bigEndian(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(bigEndian(4)); }
  std::uint64_t u64() { return bigEndian(8); }
  std::uint64_t varint() {
    if (!need(1)) return 0;
    const std::size_t size = std::size_t{1} << (data_[at_] >> 6);
    if (!need(size)) return 0;
    std::uint64_t value = data_[at_] & 0x3f;
    for (std::size_t i = 1; i < size; ++i) value = value << 8 | data_[at_ + i];
    at_ += size;
    return value;
  }
  Bytes bytes(std::uint64_t size) {
    if (!ok_ || size > remaining()) {
      ok_ = false;
      return {};
    }
    Bytes found = data_.subspan(at_, static_cast<std::size_t>(size));
    at_ += found.size();
    return found;
  }
  void skip(std::uint64_t size) { bytes(size); }
  void fail() { ok_ = false; }

 private:
  bool need(std::size_t size) {
    if (ok_ && size <= remaining()) return true;
    ok_ = false;
    return false;
  }
  std::uint64_t bigEndian(std::size_t size) {
    if (!need(size)) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) value = value << 8 | data_[at_++];
    return value;
  }

  Bytes data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// Writes into a span. After the first write that does not fit nothing more is written and ok() is false.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> data) : data_(data) {}

  bool ok() const { return ok_; }
  std::size_t size() const { return at_; }
  std::size_t room() const { return ok_ ? data_.size() - at_ : 0; }
  std::span<std::uint8_t> written() const { return data_.first(at_); }
  /// Where the next byte goes; room() bytes may be written there, then advance().
  std::uint8_t* cursor() { return data_.data() + at_; }
  void advance(std::size_t size) {
    if (need(size)) at_ += size;
  }
  /// Back to an earlier size(): undoes what did not fit as a whole.
  void rewind(std::size_t size) {
    at_ = size;
    ok_ = true;
  }

  void u8(std::uint8_t value) { bigEndian(value, 1); }
  void u16(std::uint16_t value) { bigEndian(value, 2); }
  void u32(std::uint32_t value) { bigEndian(value, 4); }
  void u64(std::uint64_t value) { bigEndian(value, 8); }
  void varint(std::uint64_t value) { varint(value, varintSize(value)); }
  /// In a fixed number of bytes, for lengths that are known later.
  void varint(std::uint64_t value, std::size_t size) {
    const std::uint64_t prefix = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
    bigEndian(value | prefix << (size * 8 - 2), size);
  }
  void bytes(Bytes value) {
    if (!need(value.size()) || value.empty()) return;
    std::memcpy(cursor(), value.data(), value.size());
    at_ += value.size();
  }
  void zeros(std::size_t size) {
    if (!need(size) || size == 0) return;
    std::memset(cursor(), 0, size);
    at_ += size;
  }

 private:
  bool need(std::size_t size) {
    if (ok_ && size <= data_.size() - at_) return true;
    ok_ = false;
    return false;
  }
  void bigEndian(std::uint64_t value, std::size_t size) {
    if (!need(size)) return;
    for (std::size_t i = 0; i < size; ++i)
      data_[at_++] = static_cast<std::uint8_t>(value >> (size - 1 - i) * 8);
  }

  std::span<std::uint8_t> data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace mqvpn::quic

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mqvpn::io {

/// Lines from a descriptor, without ever waiting for one.
class LineReader {
 public:
  explicit LineReader(int fd);
  /// Reads what is there. False at the end of the input, or when a line exceeds 1 MiB.
  bool fill();
  /// The next whole line, without its end.
  std::optional<std::string> next();

 private:
  int fd_;
  std::string buffer_;
  std::size_t start_ = 0;
};

/// Lines to a descriptor, without ever waiting for the reader: what it does not take yet is kept.
class LineWriter {
 public:
  explicit LineWriter(int fd);
  void write(std::string_view line);
  /// Tries again with what is left. False when the reader is gone.
  bool flush();
  std::size_t pending() const { return buffer_.size(); }

 private:
  int fd_;
  std::string buffer_;
};

}  // namespace mqvpn::io

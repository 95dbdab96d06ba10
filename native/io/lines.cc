#include "io/lines.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mqvpn::io {

namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;

bool ready(int fd, short events) {
  pollfd one{fd, events, 0};
  return poll(&one, 1, 0) > 0;
}

}  // namespace

// Neither end is made non-blocking: the setting belongs to the open file, which a terminal shares with other
// processes. A descriptor that poll calls ready takes one read, or one write of at most PIPE_BUF bytes,
// without waiting.

LineReader::LineReader(int fd) : fd_(fd) {}

bool LineReader::fill() {
  if (!ready(fd_, POLLIN)) return true;
  buffer_.erase(0, start_);
  start_ = 0;
  const std::size_t had = buffer_.size();
  constexpr std::size_t chunk = 65536;
  buffer_.resize(had + chunk);
  const ssize_t got = ::read(fd_, buffer_.data() + had, chunk);
  buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  return got > 0 && buffer_.size() <= kLongestLine;
}

std::optional<std::string> LineReader::next() {
  const std::size_t end = buffer_.find('\n', start_);
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(start_, end - start_);
  start_ = end + 1;
  return line;
}

LineWriter::LineWriter(int fd) : fd_(fd) {}

void LineWriter::write(std::string_view line) {
  buffer_.append(line).push_back('\n');
  flush();
}

bool LineWriter::flush() {
  constexpr std::size_t chunk = 4096;
  std::size_t done = 0;
  bool alive = true;
  while (done < buffer_.size() && ready(fd_, POLLOUT)) {
    const ssize_t put = ::write(fd_, buffer_.data() + done, std::min(chunk, buffer_.size() - done));
    if (put < 0) {
      alive = errno == EINTR || errno == EAGAIN;
      break;
    }
    done += static_cast<std::size_t>(put);
  }
  buffer_.erase(0, done);
  return alive;
}

}  // namespace mqvpn::io

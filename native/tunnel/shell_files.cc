#include "tunnel/shell_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <system_error>
#include <utility>

#include "io/clock.h"
#include "quic/qlog.h"

namespace mqvpn::tunnel {

namespace {

constexpr std::string_view kMagic = "mqvpn-ticket 1";

[[noreturn]] void fail(const std::string& file) {
  throw std::system_error(errno, std::generic_category(), file);
}

std::string toHex(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> fromHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2);
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

bool writeAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

std::string readTextFile(const std::string& file) {
  const io::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail(file);
  std::string text;
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) fail(file);
    if (size == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
}

std::function<void(std::string_view line)> keyLogTo(const std::string& file) {
  auto fd = std::make_shared<io::Fd>(::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!*fd) fail(file);
  // One write per line, so that several processes may share the file.
  return [fd](std::string_view line) { writeAll(fd->get(), std::string(line) + '\n'); };
}

namespace {

/// Collects records, so that a packet does not cost a system call.
class QlogFile {
 public:
  explicit QlogFile(io::Fd fd) : fd_(std::move(fd)) { buffer_.reserve(kFlushAt + 4096); }
  QlogFile(const QlogFile&) = delete;
  QlogFile& operator=(const QlogFile&) = delete;
  ~QlogFile() { writeAll(fd_.get(), buffer_); }
  void write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() < kFlushAt) return;
    writeAll(fd_.get(), buffer_);
    buffer_.clear();
  }

 private:
  static constexpr std::size_t kFlushAt = 64 << 10;
  io::Fd fd_;
  std::string buffer_;
};

}  // namespace

std::unique_ptr<quic::Tracer> qlogIn(const std::string& dir, bool isServer, const quic::ConnectionId& id) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  std::array<char, 64> time;
  const std::size_t size = std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 32> fraction;
  std::snprintf(fraction.data(), fraction.size(), ".%03ldZ", now.tv_nsec / 1'000'000);
  const std::string wallClock = std::string(time.data(), size) + fraction.data();
  // The specification's name for JSON text sequences (main schema §11.2).
  const std::string file = dir + '/' + wallClock + '-' + (isServer ? "server" : "client") +
                           (id.empty() ? std::string() : '-' + id.hex()) + ".sqlog";
  // Addresses and sizes are nobody else's business.
  io::Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return nullptr;
  const auto out = std::make_shared<QlogFile>(std::move(fd));
  return std::make_unique<quic::Qlog>([out](std::string_view text) { out->write(text); }, isServer, id,
                                      io::monotonicNs());
}

SavedTicket TicketFile::take() {
  if (file_.empty()) return {};
  std::string text;
  try {
    text = readTextFile(file_);
  } catch (const std::system_error&) {
    return {};
  }
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != kMagic) return {};
  std::map<std::string, std::string> values;
  while (std::getline(lines, line)) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) values[line.substr(0, space)] = line.substr(space + 1);
  }
  if (values["identity"] != identity_) return {};
  const auto ticket = fromHex(values["ticket"]);
  const auto httpSettings = fromHex(values["settings"]);
  const auto token = fromHex(values["token"]);
  if (!ticket || !httpSettings || !token) return {};
  // Also a token should not be used twice (RFC 9000 §8.1.3).
  saved_ = {};
  write();
  return {*ticket, *httpSettings, *token};
}

bool TicketFile::saveTicket(std::vector<std::uint8_t> ticket, std::vector<std::uint8_t> httpSettings) {
  saved_.ticket = std::move(ticket);
  saved_.httpSettings = std::move(httpSettings);
  return write();
}

bool TicketFile::saveToken(std::vector<std::uint8_t> token) {
  saved_.addressToken = std::move(token);
  return write();
}

bool TicketFile::write() const {
  if (file_.empty()) return true;
  std::string text(kMagic);
  text += "\nidentity " + identity_ + "\nticket " + toHex(saved_.ticket) + "\nsettings " +
          toHex(saved_.httpSettings) + "\ntoken " + toHex(saved_.addressToken) + '\n';
  // Beside it, then in its place: a reader sees the old or the new one.
  const std::string temporary = file_ + ".new";
  ::unlink(temporary.c_str());
  {
    const io::Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd || !writeAll(fd.get(), text)) return false;
  }
  return std::rename(temporary.c_str(), file_.c_str()) == 0;
}

}  // namespace mqvpn::tunnel

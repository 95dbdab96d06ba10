#include "probe/records.h"

#include <cinttypes>
#include <cstdio>

namespace mqvpn::probe {
namespace {

constexpr size_t kPieceBytes = 32 * 1024;

// Collects lines and hands them on in large pieces.
class Lines {
 public:
  explicit Lines(const Records::Sink& sink) : sink_(sink) { piece_.reserve(kPieceBytes + 1024); }

  template <typename... Args>
  void print(const char* format, Args... args) {
    char line[512];
    const int n = std::snprintf(line, sizeof line, format, args...);
    piece_.append(line, static_cast<size_t>(n));
    if (piece_.size() >= kPieceBytes) flush();
  }
  void flush() {
    sink_(piece_);
    piece_.clear();
  }

 private:
  const Records::Sink& sink_;
  std::string piece_;
};

}  // namespace

void Records::write(const RecordHeader& header, const Sink& sink) const {
  Lines lines(sink);
  // The session is text: JSON readers hold numbers in 53 bits.
  lines.print("# mqvpn-probe 1 {\"role\":\"%s\",\"protocol\":\"%s\",\"intervalUs\":%" PRId64
              ",\"sizeBytes\":%" PRId64,
              header.role.c_str(), header.protocol.c_str(), header.intervalUs, header.sizeBytes);
  lines.print(",\"session\":\"%" PRIu64 "\",\"startNs\":%" PRId64 ",\"endNs\":%" PRId64, header.session,
              header.startNs, header.endNs);
  lines.print(",\"skipped\":%" PRIu64 ",\"foreign\":%" PRIu64 ",\"overflow\":%" PRIu64, header.skipped,
              header.foreign, overflow_);
  lines.print(",\"scheduling\":\"%s\",\"receiveClock\":\"%s\"}\n", header.scheduling.c_str(),
              header.receiveClock.c_str());
  for (const auto& s : sent_)
    lines.print("s %" PRIu64 " %" PRId64 " %d %" PRId64 "\n", s.seq, s.txNs, s.error, s.lateNs);
  for (const auto& r : received_) {
    lines.print("r %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", r.seq, r.txNs, r.rxNs, r.lateNs);
  }
  for (const auto& b : breaks_) lines.print("b %" PRId64 " %d\n", b.atNs, b.error);
  lines.print("# end %zu %zu %zu\n", sent_.size(), received_.size(), breaks_.size());
  lines.flush();
}

}  // namespace mqvpn::probe

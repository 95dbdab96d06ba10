// What one end remembers, and the text it becomes. Sans-I/O. The format is in native/README.md; its reader is
// harness/traffic/probe-records.ts.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

namespace mqvpn::probe {

struct SentRecord {
  uint64_t seq;
  int64_t txNs;
  int64_t lateNs;  // how long after its due time
  int32_t error;   // errno; 0 when the kernel took it
};

struct ReceivedRecord {
  uint64_t seq;
  int64_t txNs;
  int64_t rxNs;
  int64_t lateNs;  // how long after rxNs this process ran; 0 when rxNs is itself the time of reading
};

struct BreakRecord {
  int64_t atNs;
  int32_t error;
};

struct RecordHeader {
  std::string role;
  std::string protocol;
  std::string scheduling;
  std::string receiveClock;  // "kernel" or "user"
  int64_t intervalUs = 0;
  int64_t sizeBytes = 0;
  uint64_t session = 0;
  int64_t startNs = 0;
  int64_t endNs = 0;
  uint64_t skipped = 0;  // slots of the send schedule that passed while this process was kept from running
  uint64_t foreign = 0;  // datagrams received that are not of this probe
};

class Records {
 public:
  // A bound on memory (about 40 bytes each): 4.6 hours at 1000 packets a second. Later ones are only counted.
  static constexpr size_t kMaxEach = 1u << 24;
  using Sink = std::function<void(std::string_view)>;

  void sent(const SentRecord& record) { keep(sent_, record); }
  void received(const ReceivedRecord& record) { keep(received_, record); }
  void broken(const BreakRecord& record) { keep(breaks_, record); }

  const std::deque<SentRecord>& sent() const { return sent_; }
  const std::deque<ReceivedRecord>& received() const { return received_; }
  const std::deque<BreakRecord>& breaks() const { return breaks_; }

  // Header, lines and end mark, in pieces of some kilobytes.
  void write(const RecordHeader& header, const Sink& sink) const;

 private:
  template <typename T>
  void keep(std::deque<T>& list, const T& record) {
    if (list.size() < kMaxEach) {
      list.push_back(record);
    } else {
      ++overflow_;
    }
  }

  // Deques: a vector's growth copies megabytes between two packets.
  std::deque<SentRecord> sent_;
  std::deque<ReceivedRecord> received_;
  std::deque<BreakRecord> breaks_;
  uint64_t overflow_ = 0;
};

}  // namespace mqvpn::probe

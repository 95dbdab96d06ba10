#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "io/fd.h"
#include "io/lines.h"
#include "io/poller.h"
#include "io/tap.h"
#include "link/coalescer.h"
#include "link/control.h"
#include "link/direction.h"
#include "link/frame_pool.h"

namespace mqvpn::link {

struct ShellOptions {
  std::uint64_t seed = 0;
  bool realtime = false;
  /// Least time between two wake-ups while frames flow; less where a direction tolerates less.
  Time coalesce = 400 * kMicrosecond;
  /// Whether segments that arrive together reach the receiver as one packet.
  bool coalesceSegments = true;
  /// Largest Ethernet frame.
  std::size_t maxFrame = 2048;
};

/// The outer shell: TAP devices, requests, time. Moves frames between devices and Directions.
class Shell {
 public:
  explicit Shell(const ShellOptions& options);
  ~Shell();
  /// Until the input ends, a signal comes, or a request says so.
  void run();

 private:
  struct Path;
  struct Side;

  std::size_t move();
  std::size_t receive(Side& side, Time now);
  std::size_t deliver(Side& from);
  void write(Side& from);
  Time wakeUp() const;
  void updateCoalescing();

  void handleInput();
  void handle(const Request& request);
  void act(const AddRequest& request);
  void act(const SetRequest& request);
  void act(const CarrierRequest& request);
  void act(const SubscribeRequest& request);
  void act(const ResetHighWaterRequest&);
  void act(const RemoveRequest& request);
  Path& find(const std::string& op, const std::string& name);
  void writeStats(std::string_view id);

  ShellOptions options_;
  io::Fd signals_;
  io::Poller poller_;
  io::LineReader input_;
  io::LineWriter output_;
  FramePool pool_;
  Coalescer coalescer_;
  std::vector<std::unique_ptr<Path>> paths_;
  std::vector<Side*> readable_;
  Time coalesce_ = 0;
  Time statsInterval_ = 0;
  Time nextStats_ = kNever;
  bool realtime_ = false;
  bool inputAlwaysReady_ = false;
  bool running_ = true;
};

}  // namespace mqvpn::link

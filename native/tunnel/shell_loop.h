#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/poller.h"
#include "io/wakeup.h"
#include "tunnel/engine.h"
#include "tunnel/shell_sockets.h"
#include "tunnel/shell_tun.h"

namespace mqvpn::tunnel {

/// What the loop asks of the client's and the server's shell, on the loop's thread.
class LoopHost {
 public:
  virtual ~LoopHost() = default;
  virtual Engine& engine() = 0;
  /// After each turn's input: events of the engine can be dealt with now. True: the engine was called.
  virtual bool onTurn(quic::Time now) = 0;
  /// One of extraFds is readable.
  virtual void onReadable(int fd, quic::Time now) = 0;
  /// When onHostDeadline() is due, or kNever.
  virtual quic::Time hostDeadline() const { return quic::kNever; }
  virtual void onHostDeadline(quic::Time) {}
  /// The loop cannot go on (the kernel refused something it cannot do without); onStopped() follows.
  virtual void onFailure(const std::string& message) = 0;
  /// The last thing on this thread: take away what was set up.
  virtual void onStopped() = 0;
};

/// The thread of one engine: waits for sockets, device, tasks and time, and moves what there is. No lock but
/// for tasks.
class ShellLoop {
 public:
  ShellLoop(LoopHost& host, ShellTun& tun, ShellSockets& sockets);
  /// Stops without ceremony when stop() was not called.
  ~ShellLoop();
  ShellLoop(const ShellLoop&) = delete;
  ShellLoop& operator=(const ShellLoop&) = delete;

  void start(const std::vector<int>& extraFds = {});
  /// A socket was opened since start(). On the loop's thread.
  void watchSocket(std::size_t index);
  /// From any thread: runs `task` on the loop's. Not after stop(): then it is dropped, and false.
  bool post(std::function<void()> task);
  /// From any thread, once: closes all connections, sends what that takes, calls onStopped(), ends.
  void stop(std::string_view reason);
  /// Waits for the end of the thread.
  void join();

 private:
  void run();
  void runTasks();
  bool turn();

  LoopHost& host_;
  ShellTun& tun_;
  ShellSockets& sockets_;
  io::Poller poller_;
  io::Wakeup wakeup_;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  bool closed_ = false;

  // The loop's thread only.
  bool stopping_ = false;
  quic::Time stopBy_ = quic::kNever;
  bool tunMore_ = false;
  std::vector<bool> socketMore_;
  /// Watched for being writable.
  std::vector<bool> watched_;
  bool sendMore_ = false;
  /// No socket takes anything.
  bool blocked_ = false;
};

}  // namespace mqvpn::tunnel

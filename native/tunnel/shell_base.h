#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tunnel/shell.h"
#include "tunnel/shell_device.h"
#include "tunnel/shell_loop.h"

namespace mqvpn::tunnel {

/// What the client's and the server's shell have in common. Parts are made in the order in which they need
/// each other, and go in the other one: a constructor that throws leaves nothing.
class ShellBase : public Shell, protected LoopHost, protected EventSink {
 public:
  bool status(std::function<void(ShellStatus)> answer) override;
  void stop(bool keepDevice, std::function<void()> done) override;
  std::shared_ptr<ShellDevice> device() const override { return device_; }

 protected:
  /// `kept`: of an engine that has stopped; null: a new one is made.
  ShellBase(const std::string& tunName, OnEvent onEvent, std::shared_ptr<ShellDevice> kept = nullptr);

  // LoopHost
  bool onTurn(quic::Time now) override;
  void onFailure(const std::string& message) override;
  void onStopped() override;
  // EventSink: kept until the engine is done with what it does.
  void onEvent(Event event) override { pending_.push_back(std::move(event)); }

  /// Sending failed in a way that a change of a link explains.
  virtual void onPathError(quic::Time) {}
  /// True: the engine was called.
  virtual bool handle(const Event& event, quic::Time now);
  virtual bool isServer() const = 0;
  virtual ShellLoop& loop() = 0;
  void tell(const Event& event) {
    if (onEvent_) onEvent_(event, tun_.device().name());
  }
  void log(LogLevel level, std::string message) { tell(LogEvent{level, std::move(message)}); }
  /// Once, when the engine's thread runs.
  void tellOffloads();

  OnEvent onEvent_;
  const std::shared_ptr<ShellDevice> device_;
  ShellTun& tun_;
  ShellNetwork& network_;
  ShellSockets sockets_;
  std::vector<std::string> deviceNames_;
  std::vector<Event> pending_;
  std::uint32_t tunMtu_ = 0;
  std::function<void()> done_;
  bool keepDevice_ = false;
  bool segmentationTold_ = false;
  /// When a path error was last logged.
  quic::Time pathErrorAt_ = 0;
};

/// UDP payload that a link of that MTU carries.
std::uint32_t udpPayload(std::uint32_t linkMtu, std::uint8_t family);

}  // namespace mqvpn::tunnel

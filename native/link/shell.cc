#include "link/shell.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "io/clock.h"
#include "io/memory.h"
#include "io/process.h"
#include "io/signals.h"
#include "link/replies.h"

namespace mqvpn::link {

namespace {

// What all links may hold together, in frames: 1.6 s of 2 × 1 Gbit/s in full frames. Only the address space
// is taken.
constexpr std::size_t kPoolFrames = 262'144;
// Frames that one TAP may bring before the others have their turn and what became due meanwhile is delivered.
constexpr std::size_t kReadBatch = 64;
// Links with a short queue would like more wake-ups than a core can afford: in a virtual machine each costs
// up to 30 µs.
constexpr Time kLeastCoalesce = 100 * kMicrosecond;
// What a wake-up is charged, for itself and for each frame: up to 5000 wake-ups per second are free that move
// one frame each, a probe every ms in both directions for example.
constexpr Time kChargePerFrame = 100 * kMicrosecond;
// Wake-ups that may come at any distance.
constexpr Time kWakeBurst = 4;
// The clock is read anew after so many deliveries: a burst takes long enough for others to become due.
constexpr std::size_t kDeliverBatch = 16;
// A real-time process leaves at least a tenth of its core to others, in pieces that nobody notices.
constexpr Time kRest = kMillisecond;
constexpr Time kRunPerRest = 9;
constexpr Time kOutputRetry = 5 * kMillisecond;
// A harness that does not read its statistics must not make this process grow.
constexpr std::size_t kMostPendingOutput = std::size_t{1} << 20;

constexpr std::uint64_t kInputTag = 0;
constexpr std::uint64_t kSignalTag = 1;

// Thrown and caught within this file: why a request is refused.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::shared_ptr<const Trace> loadTrace(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf())) throw Refused("trace: cannot read the file \"" + file + "\"");
  auto parsed = Trace::parse(std::move(text).str());
  if (auto* problem = std::get_if<std::string>(&parsed)) throw Refused(file + ": " + *problem);
  return std::get<std::shared_ptr<const Trace>>(parsed);
}

SpecPatch withTrace(SpecPatch patch) {
  if (patch.tracePath && !patch.tracePath->empty()) patch.trace = loadTrace(*patch.tracePath);
  return patch;
}

}  // namespace

/// One end of a path: its TAP, and the direction that frames read from it take.
struct Shell::Side {
  io::Tap tap;
  bool carrier = true;
  Direction* out = nullptr;
  Side* far = nullptr;

  /// Frames that the kernel dropped since the start because this process did not take them in time. What it
  /// drops while the device has no carrier or is not up is no failure of ours, and the kernel counts both
  /// alike: growth counts only between two looks at a device that was operational throughout.
  std::uint64_t ringDrops() {
    const io::Tap::Transmission now = tap.transmission();
    if (wasOperational && now.operational) drops += now.dropped - lastDropped;
    lastDropped = now.dropped;
    wasOperational = now.operational && carrier;
    return drops;
  }
  void setCarrier(bool on) {
    ringDrops();
    tap.setCarrier(on);
    carrier = on;
    wasOperational = false;
  }

  std::uint64_t drops = 0;
  std::uint64_t lastDropped = 0;
  bool wasOperational = true;
};

struct Shell::Path {
  Path(Shell& shell, const AddRequest& request, Time now)
      : name(request.path),
        left{io::Tap(request.left.netns, request.left.device)},
        right{io::Tap(request.right.netns, request.right.device)},
        up(shell.pool_, withTrace(request.up).applied({}), shell.options_.seed, name, "up", now),
        down(shell.pool_, withTrace(request.down).applied({}), shell.options_.seed, name, "down", now) {
    left.out = &up;
    left.far = &right;
    right.out = &down;
    right.far = &left;
  }

  std::string name;
  Side left;
  Side right;
  Direction up;
  Direction down;
};

Shell::Shell(const ShellOptions& options)
    : options_(options),
      signals_(io::terminationSignals()),
      input_(0),
      output_(1),
      pool_(io::reserveMemory(kPoolFrames * FramePool::strideFor(options.maxFrame)), options.maxFrame) {
  poller_.add(signals_.get(), kSignalTag);
  inputAlwaysReady_ = !poller_.add(0, kInputTag);
  io::preciseTimers();
  realtime_ = options.realtime && io::becomeRealtime();
  output_.write(readyEvent(realtime_, options.seed));
}

Shell::~Shell() = default;

void Shell::run() {
  // While many frames flow, wake up once per `coalesce` at most, since a wake-up costs more than many frames.
  // Sparse traffic is charged less, so that it is served at once and on time, and a few wake-ups may follow
  // each other at any distance (the virtual scheduling of ITU-T I.371).
  Time theoretical = 0;
  Time turnStart = io::monotonicNs();
  // Time spent on turns that no waiting has made good yet.
  Time debt = 0;
  while (running_) {
    const Time burst = kWakeBurst * coalesce_;
    const Time turnEnd = io::monotonicNs();
    debt += turnEnd - turnStart;
    if (theoretical > burst + turnEnd) {
      io::sleepUntilNs(theoretical - burst);
    } else if (realtime_ && debt > kRunPerRest * kRest) {
      // More comes than can be moved. The rest of the machine cannot take the core from a real-time process.
      io::sleepUntilNs(turnEnd + kRest);
    }
    const auto events = poller_.wait(inputAlwaysReady_ ? 0 : wakeUp());

    readable_.clear();
    bool input = inputAlwaysReady_;
    for (const epoll_event& event : events) {
      if (event.data.u64 == kSignalTag) return;
      if (event.data.u64 == kInputTag) {
        input = true;
      } else {
        readable_.push_back(reinterpret_cast<Side*>(event.data.u64));
      }
    }

    const Time now = io::monotonicNs();
    debt -= std::min(debt, kRunPerRest * (now - turnEnd));
    turnStart = now;
    if (const std::size_t frames = move(); frames > 0) {
      theoretical = std::max(theoretical, now) + std::min(coalesce_, kChargePerFrame * (frames + 1));
    }
    if (now >= nextStats_) {
      // A late process skips reports, it does not send several at once.
      nextStats_ = now + statsInterval_ - (now - nextStats_) % statsInterval_;
      if (output_.pending() < kMostPendingOutput) writeStats("");
    }
    if (input) handleInput();
    if (output_.pending() > 0 && !output_.flush()) return;
  }
}

void Shell::updateCoalescing() {
  Time tolerated = options_.coalesce;
  for (const auto& path : paths_) {
    tolerated = std::min({tolerated, path->up.tolerance(), path->down.tolerance()});
  }
  coalesce_ = std::max(tolerated, std::min(kLeastCoalesce, options_.coalesce));
}

Time Shell::wakeUp() const {
  Time earliest = nextStats_;
  // The reader of our output cannot be waited for together with everything else: it may be a file.
  if (output_.pending() > 0) earliest = std::min(earliest, io::monotonicNs() + kOutputRetry);
  for (const auto& path : paths_) {
    earliest = std::min({earliest, path->up.deadline(), path->down.deadline()});
  }
  return earliest;
}

/// Takes what has come and delivers what is due. How many frames moved.
std::size_t Shell::move() {
  std::size_t moved = 0;
  // Reading comes first: a frame on a link without delay goes on in the same turn, and each direction has all
  // that it can deliver together.
  for (Side* side : readable_) moved += receive(*side, io::monotonicNs());
  const Time now = io::monotonicNs();
  for (const auto& path : paths_) {
    if (path->up.deadline() <= now) moved += deliver(path->left);
    if (path->down.deadline() <= now) moved += deliver(path->right);
  }
  return moved;
}

std::size_t Shell::receive(Side& side, Time now) {
  const std::size_t room = kVnetHeaderBytes + pool_.maxFrame() + 1;
  std::size_t count = 0;
  for (; count < kReadBatch; ++count) {
    Frame* frame = pool_.take();
    if (frame == nullptr) {
      std::uint8_t discarded[kVnetHeaderBytes];
      if (side.tap.read(discarded, sizeof(discarded)) < 0) return count;
      side.out->countPoolDrop();
      continue;
    }
    const std::ptrdiff_t got = side.tap.read(frame->vnetHeader(), room);
    if (got <= static_cast<std::ptrdiff_t>(kVnetHeaderBytes)) {
      pool_.give(frame);
      // Somebody deleted the device: it would be reported as readable for ever.
      if (got == -EBADFD) poller_.remove(side.tap.fd());
      return count;
    }
    if (static_cast<std::size_t>(got) == room) {
      pool_.give(frame);
      side.out->countOversizeDrop();
      continue;
    }
    frame->length = static_cast<std::uint32_t>(got) - static_cast<std::uint32_t>(kVnetHeaderBytes);
    side.out->offer(frame, now);
  }
  return count;
}

/// Writes the frames that came in at `from` and are due to the far TAP.
std::size_t Shell::deliver(Side& from) {
  std::size_t count = 0;
  Time now = io::monotonicNs();
  while (Frame* frame = from.out->next(now)) {
    if (!coalescer_.add(frame)) {
      write(from);
      coalescer_.add(frame);
    }
    if (!options_.coalesceSegments) write(from);
    if (++count % kDeliverBatch == 0) now = io::monotonicNs();
  }
  if (!coalescer_.frames().empty()) write(from);
  return count;
}

/// Writes what the coalescer holds to the far TAP of `from`.
void Shell::write(Side& from) {
  const io::Tap& tap = from.far->tap;
  int error = tap.write(coalescer_.pieces());
  const bool glued = coalescer_.frames().size() > 1;
  if (glued && error == -EINVAL) coalescer_.withoutUdp();
  for (Frame* frame : coalescer_.frames()) {
    if (glued && error != 0) {
      iovec whole{frame->vnetHeader(), kVnetHeaderBytes + frame->length};
      error = tap.write({&whole, 1});
    }
    // A device that is not up is a cable that is not plugged in, not a failure of ours.
    if (error != 0) from.out->undelivered(frame, error == -EIO);
    pool_.give(frame);
  }
  coalescer_.clear();
}

void Shell::handleInput() {
  if (!input_.fill()) running_ = false;
  while (auto line = input_.next()) {
    if (line->find_first_not_of(" \t\r") != std::string::npos) handle(parseRequest(*line));
  }
}

void Shell::handle(const Request& request) {
  if (const auto* refused = std::get_if<Refusal>(&request.what)) {
    return output_.write(refusal(request.id, refused->reason));
  }
  const Action& action = std::get<Action>(request.what);
  if (std::holds_alternative<StatsRequest>(action)) return writeStats(request.id);
  try {
    if (std::holds_alternative<QuitRequest>(action)) {
      running_ = false;
    } else if (const auto* add = std::get_if<AddRequest>(&action)) {
      act(*add);
    } else if (const auto* set = std::get_if<SetRequest>(&action)) {
      act(*set);
    } else if (const auto* carrier = std::get_if<CarrierRequest>(&action)) {
      act(*carrier);
    } else if (const auto* subscribe = std::get_if<SubscribeRequest>(&action)) {
      act(*subscribe);
    } else if (const auto* reset = std::get_if<ResetHighWaterRequest>(&action)) {
      act(*reset);
    } else if (const auto* remove = std::get_if<RemoveRequest>(&action)) {
      act(*remove);
    }
    output_.write(okReply(request.id));
  } catch (const std::exception& error) {
    output_.write(refusal(request.id, error.what()));
  }
}

void Shell::act(const AddRequest& request) {
  for (const auto& path : paths_) {
    if (path->name == request.path) {
      throw Refused("add: path \"" + request.path + "\" exists already, expected a new name");
    }
  }
  try {
    auto path = std::make_unique<Path>(*this, request, io::monotonicNs());
    for (Side* side : {&path->left, &path->right}) {
      poller_.add(side->tap.fd(), reinterpret_cast<std::uint64_t>(side));
    }
    paths_.push_back(std::move(path));
    updateCoalescing();
  } catch (const std::exception& error) {
    throw Refused(std::string("add: ") + error.what());
  }
}

Shell::Path& Shell::find(const std::string& op, const std::string& name) {
  std::string known;
  for (const auto& path : paths_) {
    if (path->name == name) return *path;
    known.append(known.empty() ? "" : ", ").append(path->name);
  }
  throw Refused(op + ": path \"" + name + "\" does not exist (paths: " + (known.empty() ? "none" : known) +
                ")");
}

void Shell::act(const SetRequest& request) {
  Path& path = find("set", request.path);
  SpecPatch patch;
  try {
    patch = withTrace(request.spec);
  } catch (const Refused& refused) {
    throw Refused(std::string("set: ") + refused.what());
  }
  const Time now = io::monotonicNs();
  if (request.up) path.up.configure(patch.applied(path.up.spec()), now);
  if (request.down) path.down.configure(patch.applied(path.down.spec()), now);
  updateCoalescing();
}

void Shell::act(const CarrierRequest& request) {
  Path& path = find("carrier", request.path);
  // What is due by now has arrived; only the rest is lost.
  deliver(path.left);
  deliver(path.right);
  for (Side* side : {&path.left, &path.right}) {
    if (!(side == &path.left ? request.left : request.right)) continue;
    side->setCarrier(request.on);
  }
  const bool down = !path.left.carrier || !path.right.carrier;
  const Time now = io::monotonicNs();
  path.up.setDown(down, now);
  path.down.setDown(down, now);
}

void Shell::act(const SubscribeRequest& request) {
  statsInterval_ = request.interval;
  nextStats_ = request.interval == 0 ? kNever : io::monotonicNs() + request.interval;
}

void Shell::act(const ResetHighWaterRequest&) {
  for (const auto& path : paths_) {
    path->up.resetHighWater();
    path->down.resetHighWater();
  }
}

void Shell::act(const RemoveRequest& request) {
  const Path& path = find("remove", request.path);
  std::erase_if(paths_, [&](const auto& one) { return one.get() == &path; });
  updateCoalescing();
}

void Shell::writeStats(std::string_view id) {
  StatsLine line(id, io::monotonicNs());
  for (const auto& path : paths_) {
    const Time now = io::monotonicNs();
    Counters up = path->up.counters(now);
    Counters down = path->down.counters(now);
    up.dropTapRing = path->left.ringDrops();
    down.dropTapRing = path->right.ringDrops();
    line.add(path->name, up, down);
  }
  output_.write(line.finish());
}

}  // namespace mqvpn::link

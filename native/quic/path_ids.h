#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "quic/local_ids.h"
#include "quic/range_set.h"
#include "quic/remote_ids.h"

namespace mqvpn::quic {

/// The connection IDs of a path ID that no path uses yet: what both ends need before the client opens one
/// (draft-ietf-quic-multipath-21 §3.1).
struct SparePath {
  explicit SparePath(std::size_t limit) : remoteIds(limit) {}
  LocalIds localIds;
  RemoteIds remoteIds;
  /// The peer's PATH_STATUS frames that came before the path.
  std::uint64_t statusSequence = 0;
  bool statusKnown = false;
  bool peerWantsBackup = false;
};

/// Which path IDs may be used, are used, and were used up.
class PathIdBook {
 public:
  void start(std::uint32_t own, std::uint32_t peer) {
    ownMaximum_ = ownInitial_ = own;
    peerMaximum_ = peer;
  }

  /// Granted to the peer by transport parameter or MAX_PATH_ID.
  std::uint32_t ownMaximum() const { return ownMaximum_; }
  std::uint32_t peerMaximum() const { return peerMaximum_; }
  /// The lower of both: IDs above cannot be used by anybody.
  std::uint32_t maximum() const { return std::min(ownMaximum_, peerMaximum_); }
  /// False: not more than known already.
  bool onMaxPathId(std::uint32_t maximum) {
    if (maximum <= peerMaximum_) return false;
    peerMaximum_ = maximum;
    return true;
  }

  /// Every ID from 1 up to below this one is gone.
  std::uint32_t firstAlive() const {
    if (gone_.empty() || gone_.smallest() > 1) return 1;
    return static_cast<std::uint32_t>(gone_.ranges().front().high + 1);
  }
  bool isGone(std::uint32_t id) const { return gone_.contains(id); }
  void setGone(std::uint32_t id) {
    if (gone_.add(id)) ++goneCount_;
  }
  /// For each path ID that is used up another is granted, so that paths can come and go for ever. True: the
  /// peer is to be told.
  bool grantMore() {
    const std::uint64_t wanted = std::min<std::uint64_t>(ownInitial_ + goneCount_, UINT32_MAX);
    if (wanted <= ownMaximum_) return false;
    ownMaximum_ = static_cast<std::uint32_t>(wanted);
    return true;
  }

 private:
  std::uint32_t ownInitial_ = 0;
  std::uint32_t ownMaximum_ = 0;
  std::uint32_t peerMaximum_ = 0;
  RangeSet gone_;
  std::uint64_t goneCount_ = 0;
};

}  // namespace mqvpn::quic

#pragma once

#include <cstdint>

#include "quic/frames.h"

namespace mqvpn::quic {

constexpr std::uint64_t kNoFrameType = UINT64_MAX;

struct FrameCodes {
  std::uint64_t draft21;
  std::uint64_t draft10;
};

/// draft-ietf-quic-multipath-21 §4 and draft-ietf-quic-multipath-10 §4 ("experiments use …"). Draft 10 has no
/// frames that tell of being blocked.
constexpr FrameCodes kMultipathFrames[] = {
    {frame_type::kPathAck, 0x15228c00},
    {frame_type::kPathAckEcn, 0x15228c01},
    {frame_type::kPathAbandon, 0x15228c05},
    {frame_type::kPathStatusBackup, 0x15228c07},
    {frame_type::kPathStatusAvailable, 0x15228c08},
    {frame_type::kPathNewConnectionId, 0x15228c09},
    {frame_type::kPathRetireConnectionId, 0x15228c0a},
    {frame_type::kMaxPathId, 0x15228c0c},
    {frame_type::kPathsBlocked, kNoFrameType},
    {frame_type::kPathCidsBlocked, kNoFrameType},
};

/// The code point of a frame of ours on this connection, or kNoFrameType when it has none.
constexpr std::uint64_t wireFrameType(std::uint64_t type, MultipathVersion multipath) {
  if (type < frame_type::kPathAck || multipath == MultipathVersion::kDraft21) return type;
  for (const FrameCodes& codes : kMultipathFrames)
    if (codes.draft21 == type) return multipath == MultipathVersion::kDraft10 ? codes.draft10 : kNoFrameType;
  return type;
}

/// The other way: draft 21's code point, or kNoFrameType when this type is not known on this connection.
/// Types that no draft defines stay as they are.
constexpr std::uint64_t knownFrameType(std::uint64_t wire, MultipathVersion multipath) {
  if (wire < frame_type::kPathAck || multipath == MultipathVersion::kDraft21) return wire;
  for (const FrameCodes& codes : kMultipathFrames) {
    if (multipath == MultipathVersion::kDraft10 && codes.draft10 == wire) return codes.draft21;
    if (codes.draft21 == wire) return kNoFrameType;
  }
  return wire;
}

}  // namespace mqvpn::quic

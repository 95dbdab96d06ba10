#include "http3/settings.h"

#include <algorithm>
#include <array>

namespace mqvpn::http3 {

namespace {

// RFC 9114 §11.2.2: identifiers of HTTP/2 without a corresponding HTTP/3 setting.
bool isHttp2Setting(std::uint64_t id) { return id == 0x00 || (id >= 0x02 && id <= 0x05); }

void append(std::vector<std::uint8_t>& out, std::uint64_t id, std::uint64_t value) {
  std::array<std::uint8_t, 16> buffer;
  quic::Writer writer(buffer);
  writer.varint(id);
  writer.varint(std::min(value, quic::kVarintMax));
  out.insert(out.end(), writer.written().begin(), writer.written().end());
}

void append(std::vector<std::uint8_t>& out, SettingId id, std::uint64_t value) {
  append(out, static_cast<std::uint64_t>(id), value);
}

// RFC 8441 §3: "The value of the parameter MUST be 0 or 1."; RFC 9297 §2.1.1 says the same of H3_DATAGRAM.
Error readFlag(std::uint64_t value, bool& out, const char* reason) {
  if (value > 1) return {ErrorCode::kSettingsError, reason};
  out = value == 1;
  return {};
}

Error apply(std::uint64_t id, std::uint64_t value, Settings& out) {
  switch (static_cast<SettingId>(id)) {
    case SettingId::kQpackMaxTableCapacity:
      out.qpackMaxTableCapacity = value;
      return {};
    case SettingId::kMaxFieldSectionSize:
      out.maxFieldSectionSize = value;
      return {};
    case SettingId::kQpackBlockedStreams:
      out.qpackBlockedStreams = value;
      return {};
    case SettingId::kEnableConnectProtocol:
      return readFlag(value, out.enableConnectProtocol, "ENABLE_CONNECT_PROTOCOL is neither 0 nor 1");
    case SettingId::kH3Datagram:
      return readFlag(value, out.h3Datagram, "H3_DATAGRAM is neither 0 nor 1");
  }
  // RFC 9114 §7.2.4: "An implementation MUST ignore any parameter with an identifier it does not understand."
  return {};
}

}  // namespace

std::vector<std::uint8_t> encodeSettings(const Settings& settings, std::optional<std::uint64_t> grease) {
  // RFC 9114 §7.2.4.2: "The server MUST include all settings that differ from their default values."
  const Settings defaults;
  std::vector<std::uint8_t> out;
  if (settings.qpackMaxTableCapacity != defaults.qpackMaxTableCapacity)
    append(out, SettingId::kQpackMaxTableCapacity, settings.qpackMaxTableCapacity);
  if (settings.maxFieldSectionSize != defaults.maxFieldSectionSize)
    append(out, SettingId::kMaxFieldSectionSize, settings.maxFieldSectionSize);
  if (settings.qpackBlockedStreams != defaults.qpackBlockedStreams)
    append(out, SettingId::kQpackBlockedStreams, settings.qpackBlockedStreams);
  if (settings.enableConnectProtocol) append(out, SettingId::kEnableConnectProtocol, 1);
  if (settings.h3Datagram) append(out, SettingId::kH3Datagram, 1);
  // RFC 9114 §7.2.4.1: "Setting identifiers of the format 0x1f * N + 0x21 […] are reserved […] Endpoints
  // SHOULD include at least one such setting in their SETTINGS frame." An N of 20 bits keeps it within four
  // bytes.
  if (grease) append(out, 0x1f * (*grease & 0xfffff) + 0x21, *grease >> 32 & 0x3f);
  return out;
}

Error decodeSettings(quic::Bytes payload, Settings& out) {
  out = {};
  quic::Reader reader(payload);
  std::vector<std::uint64_t> seen;
  while (!reader.empty()) {
    const std::uint64_t id = reader.varint();
    const std::uint64_t value = reader.varint();
    if (!reader.ok()) return {ErrorCode::kFrameError, "SETTINGS ends inside a setting"};
    if (isHttp2Setting(id)) return {ErrorCode::kSettingsError, "a setting of HTTP/2"};
    seen.push_back(id);
    if (const Error error = apply(id, value, out)) return error;
  }
  // RFC 9114 §7.2.4: "A receiver MAY treat the presence of duplicate setting identifiers as a connection
  // error of type H3_SETTINGS_ERROR."
  std::sort(seen.begin(), seen.end());
  if (std::adjacent_find(seen.begin(), seen.end()) != seen.end())
    return {ErrorCode::kSettingsError, "a setting comes twice"};
  return {};
}

bool settingsCompatible(const Settings& before, const Settings& now) {
  // RFC 9114 §7.2.4.2: "its SETTINGS frame MUST NOT reduce any limits or alter any values that might be
  // violated by the client with its 0-RTT data". RFC 9204 §3.2.3: "If the remembered value is non-zero, the
  // server MUST send the same non-zero value".
  if (before.qpackMaxTableCapacity != 0 && now.qpackMaxTableCapacity != before.qpackMaxTableCapacity)
    return false;
  return now.qpackBlockedStreams >= before.qpackBlockedStreams &&
         now.maxFieldSectionSize >= before.maxFieldSectionSize &&
         now.enableConnectProtocol >= before.enableConnectProtocol && now.h3Datagram >= before.h3Datagram;
}

}  // namespace mqvpn::http3

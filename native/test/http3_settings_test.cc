#include <doctest/doctest.h>

#include "http3/settings.h"
#include "http3_support.h"

using namespace mqvpn::http3;
using namespace mqvpn::http3::test;

TEST_CASE("settings come back as they were encoded, grease or not") {
  const Settings settings{.qpackMaxTableCapacity = 4096,
                          .qpackBlockedStreams = 16,
                          .maxFieldSectionSize = 32768,
                          .enableConnectProtocol = true,
                          .h3Datagram = true};
  for (const std::uint64_t grease : {std::uint64_t{0}, std::uint64_t{12345}, UINT64_MAX}) {
    Settings read;
    CHECK_FALSE(decodeSettings(encodeSettings(settings, grease), read));
    CHECK(read == settings);
  }
  Settings read;
  CHECK_FALSE(decodeSettings(encodeSettings(settings, std::nullopt), read));
  CHECK(read == settings);
  CHECK(encodeSettings(Settings(), std::nullopt).empty());
}

TEST_CASE("grease is a reserved identifier") {
  for (const std::uint64_t grease : {std::uint64_t{0}, std::uint64_t{77}, UINT64_MAX}) {
    const ByteVector bytes = encodeSettings(Settings(), grease);
    mqvpn::quic::Reader reader(bytes);
    CHECK((reader.varint() - 0x21) % 0x1f == 0);
    reader.varint();
    CHECK(reader.ok());
    CHECK(reader.empty());
  }
}

TEST_CASE("the settings of a deployed peer") {
  Settings read;
  CHECK_FALSE(decodeSettings(hex("0680008000 0180004000 074040 0801 3301"), read));
  CHECK(read == Settings{.qpackMaxTableCapacity = 16384,
                         .qpackBlockedStreams = 64,
                         .maxFieldSectionSize = 32768,
                         .enableConnectProtocol = true,
                         .h3Datagram = true});
}

TEST_CASE("settings that break a rule") {
  Settings read;
  CHECK(decodeSettings(hex("06"), read).code == ErrorCode::kFrameError);
  CHECK(decodeSettings(hex("0680"), read).code == ErrorCode::kFrameError);
  CHECK(decodeSettings(hex("0802"), read).code == ErrorCode::kSettingsError);
  CHECK(decodeSettings(hex("3302"), read).code == ErrorCode::kSettingsError);
  CHECK(decodeSettings(hex("3301 3301"), read).code == ErrorCode::kSettingsError);
  CHECK(decodeSettings(hex("21 00 21 01"), read).code == ErrorCode::kSettingsError);
  for (const char* http2 : {"0001", "0201", "0301", "0401", "0501"})
    CHECK(decodeSettings(hex(http2), read).code == ErrorCode::kSettingsError);
}

TEST_CASE("after 0-RTT a server may give more, and not less") {
  const Settings before{.maxFieldSectionSize = 1000, .enableConnectProtocol = true, .h3Datagram = true};
  CHECK(settingsCompatible(before, before));
  Settings now = before;
  now.maxFieldSectionSize = 2000;
  now.qpackMaxTableCapacity = 4096;
  CHECK(settingsCompatible(before, now));
  now = before;
  now.h3Datagram = false;
  CHECK_FALSE(settingsCompatible(before, now));
  now = before;
  now.enableConnectProtocol = false;
  CHECK_FALSE(settingsCompatible(before, now));
  now = before;
  now.maxFieldSectionSize = 999;
  CHECK_FALSE(settingsCompatible(before, now));
  const Settings table{.qpackMaxTableCapacity = 4096, .qpackBlockedStreams = 4};
  now = table;
  now.qpackMaxTableCapacity = 8192;
  CHECK_FALSE(settingsCompatible(table, now));
  now = table;
  now.qpackBlockedStreams = 3;
  CHECK_FALSE(settingsCompatible(table, now));
}

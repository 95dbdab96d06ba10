#include <doctest/doctest.h>

#include "probe/records.h"

using namespace mqvpn::probe;

TEST_CASE("records become the text that native/README.md describes") {
  Records records;
  records.sent({0, 1000, 7, 0});
  records.sent({1, 2000, 0, 101});
  records.received({18446744073709551615u, -1, 9223372036854775807, 3});
  records.broken({5000, 104});
  RecordHeader header;
  header.role = "serve";
  header.protocol = "tcp";
  header.scheduling = "rr";
  header.receiveClock = "user";
  header.intervalUs = 10'000;
  header.sizeBytes = 200;
  header.session = 18446744073709551615u;
  header.startNs = 1000;
  header.endNs = 2000;
  header.skipped = 3;
  header.foreign = 4;

  std::string text;
  records.write(header, [&](std::string_view piece) { text += piece; });
  CHECK(text ==
        "# mqvpn-probe 1 {\"role\":\"serve\",\"protocol\":\"tcp\",\"intervalUs\":10000,\"sizeBytes\":200,"
        "\"session\":\"18446744073709551615\",\"startNs\":1000,\"endNs\":2000,\"skipped\":3,\"foreign\":4,"
        "\"overflow\":0,\"scheduling\":\"rr\",\"receiveClock\":\"user\"}\n"
        "s 0 1000 0 7\n"
        "s 1 2000 101 0\n"
        "r 18446744073709551615 -1 9223372036854775807 3\n"
        "b 5000 104\n"
        "# end 2 1 1\n");
}

TEST_CASE("many records are written in pieces, none lost") {
  Records records;
  for (uint64_t i = 0; i < 20'000; ++i) records.sent({i, 0, 0, 0});
  size_t pieces = 0, lines = 0;
  records.write({}, [&](std::string_view piece) {
    ++pieces;
    for (const char c : piece) lines += c == '\n';
  });
  CHECK(lines == 20'002);
  CHECK(pieces > 3);
}

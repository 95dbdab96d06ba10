#include "tunnel/shell_files.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <system_error>

#include "tunnel/shell_prefixes.h"

using namespace mqvpn;
using namespace mqvpn::tunnel;

namespace {

/// A name in a folder of its own.
class Place {
 public:
  Place() { REQUIRE(mkdtemp(folder_) != nullptr); }
  ~Place() {
    ::unlink(file().c_str());
    ::rmdir(folder_);
  }
  std::string file() const { return std::string(folder_) + "/ticket"; }

 private:
  char folder_[32] = "/tmp/mqvpn-files-XXXXXX";
};

std::vector<std::string> texts(const std::vector<io::IpPrefix>& prefixes) {
  std::vector<std::string> all;
  for (const io::IpPrefix& prefix : prefixes) all.push_back(io::toString(prefix));
  return all;
}

connect_ip::IpRange range(const char* start, const char* end) {
  return {*connect_ip::parseAddress(start), *connect_ip::parseAddress(end), 0};
}

}  // namespace

TEST_CASE("a ticket is found once, by the same identity alone") {
  const Place place;
  CHECK(TicketFile(place.file(), "a").take().ticket.empty());
  TicketFile file(place.file(), "a");
  REQUIRE(file.saveTicket({1, 2}, {3}));
  REQUIRE(file.saveToken({4, 0xff}));
  struct stat info {};
  REQUIRE(::stat(place.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(TicketFile(place.file(), "b").take().ticket.empty());
  const SavedTicket saved = TicketFile(place.file(), "a").take();
  CHECK(saved.ticket == std::vector<std::uint8_t>{1, 2});
  CHECK(saved.httpSettings == std::vector<std::uint8_t>{3});
  CHECK(saved.addressToken == std::vector<std::uint8_t>{4, 0xff});
  CHECK(TicketFile(place.file(), "a").take().ticket.empty());
}

TEST_CASE("a ticket replaces a file that others could read, and its mode") {
  const Place place;
  std::ofstream(place.file()) << "something";
  ::chmod(place.file().c_str(), 0644);
  REQUIRE(TicketFile(place.file(), "a").saveTicket({1}, {2}));
  struct stat info {};
  REQUIRE(::stat(place.file().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("a damaged ticket file counts as none") {
  for (const char* text : {"", "mqvpn-ticket 2\nidentity a\n", "mqvpn-ticket 1",
                           "mqvpn-ticket 1\nidentity a\nticket 1\nsettings \ntoken \n",
                           "mqvpn-ticket 1\nidentity a\nticket zz\nsettings \ntoken \n"}) {
    const Place place;
    std::ofstream(place.file()) << text;
    CHECK(TicketFile(place.file(), "a").take().ticket.empty());
  }
}

TEST_CASE("without a file name nothing is kept, and nothing fails") {
  TicketFile file("", "a");
  CHECK(file.saveTicket({1}, {2}));
  CHECK(file.take().ticket.empty());
}

TEST_CASE("a file that cannot be written is told") {
  CHECK_FALSE(TicketFile("/nowhere/at/all", "a").saveTicket({1}, {2}));
  CHECK_THROWS_AS(keyLogTo("/nowhere/at/all"), std::system_error);
  CHECK_THROWS_AS(readTextFile("/nowhere/at/all"), std::system_error);
}

TEST_CASE("a range of addresses becomes the fewest prefixes that cover it") {
  using List = std::vector<std::string>;
  CHECK(texts(toPrefixes(range("10.0.0.0", "10.0.0.255"))) == List{"10.0.0.0/24"});
  CHECK(texts(toPrefixes(range("10.0.0.1", "10.0.0.6"))) ==
        List{"10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/31", "10.0.0.6/32"});
  CHECK(texts(toPrefixes(range("255.255.255.254", "255.255.255.255"))) == List{"255.255.255.254/31"});
  CHECK(texts(toPrefixes(range("0.0.0.0", "255.255.255.255"))) == List{"0.0.0.0/0"});
  CHECK(texts(toPrefixes(range("fd00::", "fd00::ffff"))) == List{"fd00::/112"});
  CHECK(texts(toPrefixes(range("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))).size() == 128);
}

TEST_CASE("routes that are chosen and routes that there are: what is in both") {
  using List = std::vector<std::string>;
  const auto prefixes = [](const List& texts) {
    std::vector<io::IpPrefix> all;
    for (const std::string& text : texts) all.push_back(*io::parseIpPrefix(text));
    return all;
  };
  const auto both = [&](const List& some, const List& others) {
    return texts(intersection(prefixes(some), prefixes(others)));
  };
  CHECK(both({"10.1.0.0/16", "fd00::/16"}, {"0.0.0.0/0", "::/0"}) == List{"10.1.0.0/16", "fd00::/16"});
  CHECK(both({"10.0.0.0/8"}, {"10.1.0.0/16", "10.2.0.0/16", "192.0.2.0/24"}) ==
        List{"10.1.0.0/16", "10.2.0.0/16"});
  CHECK(both({"10.0.0.0/8", "10.1.0.0/16"}, {"10.1.0.0/16"}) == List{"10.1.0.0/16"});
  CHECK(both({"10.0.0.0/8"}, {"11.0.0.0/8", "::/0"}).empty());
  CHECK(both({"0.0.0.0/0"}, {"0.0.0.0/0"}) == List{"0.0.0.0/0"});
}

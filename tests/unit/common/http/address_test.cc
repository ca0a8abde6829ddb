#include "common/http/address.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace committest::http {
namespace {

IpAddress At(const std::string& text) {
  const auto address = ParseIpAddress(text);
  EXPECT_TRUE(address) << text;
  return address.value_or(IpAddress{});
}

TEST(Address, IsReadAndWrittenAsItIs) {
  for (const char* text : {"192.0.2.1", "::", "::1", "2001:db8::1", "::ffff:10.0.0.1", "ff02::1"}) {
    EXPECT_EQ(At(text).ToString(), text);
  }
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "0x7f.0.0.1", "127.1", "2130706433", "[::1]",
                           "::1%eth0", "1.2.3.4/8", "localhost", "::1 ", "256.0.0.1"}) {
    EXPECT_FALSE(ParseIpAddress(text)) << text;
  }
  EXPECT_FALSE(ParseIpAddress(std::string_view("1.2.3.4\0x", 9)));
}

TEST(Address, EveryKindIsKnownByItsFirstAndLastAddress) {
  const std::vector<std::pair<AddressKind, std::vector<std::string>>> rows{
      {AddressKind::kPublic,
       {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255", "100.128.0.0",
        "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",    "172.15.255.255",
        "172.32.0.0",      "192.167.255.255", "192.169.0.0",     "198.17.255.255", "198.20.0.0",
        "223.255.255.255", "2606:4700::1111", "2a00::1",         "2001:200::",     "3ffe::1"}},
      {AddressKind::kPrivate,
       {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
        "192.168.255.255", "fec0::1"}},
      {AddressKind::kCarrier, {"100.64.0.0", "100.127.255.255"}},
      {AddressKind::kUniqueLocal, {"fc00::", "fdff::1"}},
      {AddressKind::kLoopback, {"127.0.0.0", "127.255.255.255", "::1"}},
      {AddressKind::kLinkLocal, {"169.254.0.0", "169.254.169.254", "fe80::1", "febf::1"}},
      {AddressKind::kMetadata, {"fd00:ec2::254", "100.100.100.200", "192.0.0.192"}},
      {AddressKind::kUnspecified, {"0.0.0.0", "0.255.255.255", "::"}},
      {AddressKind::kMulticast, {"224.0.0.0", "239.255.255.255", "ff00::", "ff02::1"}},
      {AddressKind::kReserved,
       {"192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.0", "198.19.255.255", "198.51.100.1",
        "203.0.113.1", "240.0.0.0", "255.255.255.255", "2001::1", "2001:db8::1", "100::1",
        "64:ff9b:1::1", "4000::1", "::2:0:0:0"}},
  };
  for (const auto& [kind, addresses] : rows) {
    for (const std::string& text : addresses) {
      EXPECT_EQ(AddressKindName(KindOf(At(text))), AddressKindName(kind)) << text;
    }
  }
}

TEST(Address, AnEmbeddedOneIsWhatItStandsFor) {
  for (const char* text : {"::ffff:169.254.169.254", "::ffff:0:169.254.169.254",
                           "::169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1"}) {
    EXPECT_EQ(KindOf(At(text)), AddressKind::kLinkLocal) << text;
  }
  EXPECT_EQ(KindOf(At("::ffff:8.8.8.8")), AddressKind::kPublic);
  EXPECT_EQ(KindOf(At("2002:808:808::1")), AddressKind::kPublic);
}

TEST(AddressRange, IsReadOrRefused) {
  const auto range = ParseAddressRange("10.96.0.0/12");
  ASSERT_TRUE(range);
  EXPECT_TRUE(range->Contains(At("10.111.255.255")));
  EXPECT_FALSE(range->Contains(At("10.112.0.0")));
  EXPECT_FALSE(range->Contains(At("::ffff:10.96.0.1")));
  EXPECT_TRUE(ParseAddressRange("fd00::/8")->Contains(At("fd12::1")));
  EXPECT_TRUE(ParseAddressRange("0.0.0.0/0")->Contains(At("255.0.0.1")));
  EXPECT_FALSE(ParseAddressRange("10.0.0.1")->Contains(At("10.0.0.2")));
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "fd00::/129",
                           "10.0.0.0/8x", "10.0.0.0/8/8", "cluster.local"}) {
    EXPECT_FALSE(ParseAddressRange(text)) << text;
  }
}

struct PolicyRow {
  const char* address;
  bool by_default;
  bool when_private;
  bool when_named;
};

TEST(AddressPolicy, AllowsAsItsTableSays) {
  const std::vector<PolicyRow> rows{
      {"8.8.8.8", true, true, true},           {"2606:4700::1", true, true, true},
      {"10.0.0.1", false, true, true},         {"100.64.0.1", false, true, true},
      {"fd12::1", false, true, true},          {"::ffff:10.0.0.1", false, true, true},
      {"127.0.0.1", false, false, true},       {"::1", false, false, true},
      {"169.254.169.254", false, false, true}, {"fe80::1", false, false, true},
      {"fd00:ec2::254", false, false, true},   {"192.0.2.1", false, false, true},
      {"0.0.0.0", false, false, false},        {"::", false, false, false},
      {"224.0.0.1", false, false, false},      {"ff02::1", false, false, false},
      {"::ffff:0.0.0.0", false, false, false}, {"64:ff9b::127.0.0.1", false, false, true}};
  const AddressPolicy nothing;
  const AddressPolicy privately = *ParseAddressPolicy({"private"});
  const AddressPolicy named = *ParseAddressPolicy({"0.0.0.0/0", "::/0"});
  for (const PolicyRow& row : rows) {
    SCOPED_TRACE(row.address);
    EXPECT_EQ(nothing.Allows(At(row.address)), row.by_default);
    EXPECT_EQ(privately.Allows(At(row.address)), row.when_private);
    EXPECT_EQ(named.Allows(At(row.address)), row.when_named);
  }
}

TEST(AddressPolicy, ARangeAllowsWhatGatewaysTurnIntoIt) {
  const AddressPolicy policy = *ParseAddressPolicy({"10.0.0.0/8"});
  EXPECT_TRUE(policy.Allows(At("::ffff:10.1.2.3")));
  EXPECT_FALSE(policy.Allows(At("::ffff:192.168.0.1")));
  EXPECT_FALSE(policy.Allows(At("192.168.0.1")));
}

TEST(AddressPolicy, NamesTheWordThatIsNone) {
  const auto policy = ParseAddressPolicy({"private", "all"});
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().message,
            "'all' is no block of addresses such as 10.0.0.0/8, nor is it the word private");
}

}  // namespace
}  // namespace committest::http

#include "observer/config.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::observer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config Parse(const std::vector<std::string>& arguments) {
  const auto command_line = ParseCommandLine(arguments);
  EXPECT_TRUE(command_line) << command_line.error().message;
  return command_line && command_line->config ? *command_line->config : Config{};
}

std::string Refusal(const std::string& argument) {
  const auto command_line = ParseCommandLine({argument});
  if (command_line) return "accepted";
  EXPECT_EQ(command_line.error().code, ErrorCode::kInvalidArgument);
  return command_line.error().message;
}

TEST(ObserverConfig, HasDefaults) {
  const Config config = Parse({});
  EXPECT_THAT(config.namespaces, ElementsAre(""));
  EXPECT_EQ(config.http_host, "0.0.0.0");
  EXPECT_EQ(config.http_port, 8080);
  EXPECT_EQ(config.webhook_host, "");
  EXPECT_EQ(config.workers, 32);
  EXPECT_FALSE(config.allow_http);
  EXPECT_FALSE(config.addresses.allow_private);
  EXPECT_TRUE(config.addresses.allowed.empty());
  EXPECT_EQ(config.list_timeout, std::chrono::seconds(10));
  EXPECT_EQ(config.fetch_timeout, std::chrono::seconds(60));
}

TEST(ObserverConfig, TakesWhatTheChartGives) {
  const Config config =
      Parse({"--namespace=ci-b", "--namespace=ci-a", "--namespace=ci-b",
             "--http-address=127.0.0.1:9090", "--workers=4", "--log-level=debug",
             "--log-format=json", "--data-dir=/data", "--allow-http", "--fetch-timeout=30",
             "--allow-private-addresses=private", "--allow-private-addresses=127.0.0.0/8"});
  EXPECT_THAT(config.namespaces, ElementsAre("ci-a", "ci-b"));
  EXPECT_EQ(config.http_host, "127.0.0.1");
  EXPECT_EQ(config.http_port, 9090);
  EXPECT_EQ(config.workers, 4);
  EXPECT_EQ(config.log_level, log::Level::kDebug);
  EXPECT_EQ(config.log_format, log::Format::kJson);
  EXPECT_EQ(config.data_dir, "/data");
  EXPECT_TRUE(config.allow_http);
  EXPECT_TRUE(config.addresses.allow_private);
  EXPECT_EQ(config.addresses.allowed.size(), 1U);
  EXPECT_EQ(config.fetch_timeout, std::chrono::seconds(30));
}

TEST(ObserverConfig, TakesAddressesInEveryForm) {
  EXPECT_EQ(Parse({"--http-address=:0"}).http_host, "0.0.0.0");
  EXPECT_EQ(Parse({"--http-address=:0"}).http_port, 0);
  EXPECT_EQ(Parse({"--http-address=[::1]:80"}).http_host, "::1");
  EXPECT_EQ(Parse({"--webhook-address=:8090"}).webhook_host, "0.0.0.0");
  EXPECT_EQ(Parse({"--webhook-address=:8090"}).webhook_port, 8090);
}

TEST(ObserverConfig, NamesTheFlagTheValueAndWhatIsExpected) {
  EXPECT_EQ(Refusal("--workers=0"), "--workers is '0', expected a number from 1 to 256");
  EXPECT_EQ(Refusal("--workers=many"), "--workers is 'many', expected a number from 1 to 256");
  EXPECT_THAT(Refusal("--http-address=here"), HasSubstr("'here', expected host:port"));
  EXPECT_THAT(Refusal("--http-address=:70000"), HasSubstr("expected host:port"));
  EXPECT_THAT(Refusal("--webhook-address=8090"),
              HasSubstr("--webhook-address is '8090', expected host:port"));
  EXPECT_THAT(Refusal("--namespace=Not_A_Name"), HasSubstr("'Not_A_Name'"));
  EXPECT_THAT(Refusal("--log-level=loud"), HasSubstr("'loud'"));
  EXPECT_THAT(Refusal("--log-format=xml"), HasSubstr("'xml'"));
  EXPECT_THAT(Refusal("--data-dir=relative"), HasSubstr("absolute path"));
  EXPECT_THAT(Refusal("--list-timeout=-1"), HasSubstr("1 to 300"));
  EXPECT_THAT(Refusal("--allow-private-addresses=all"),
              HasSubstr("--allow-private-addresses: 'all' is no block of addresses"));
  EXPECT_THAT(Refusal("--fetch-timeout=1e9"), HasSubstr("1 to 3600"));
  EXPECT_NE(Refusal("--unknown=1"), "accepted");
  EXPECT_NE(Refusal("stray"), "accepted");
}

TEST(ObserverConfig, PrintsHelpAndVersion) {
  EXPECT_THAT(ParseCommandLine({"--help"})->text, HasSubstr("--allow-http"));
  EXPECT_THAT(ParseCommandLine({"--version"})->text, HasSubstr("committest-observer "));
  EXPECT_FALSE(ParseCommandLine({"--help"})->config);
}

}  // namespace
}  // namespace committest::observer

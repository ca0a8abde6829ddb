#include "plugin/exec_credential.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace committest::plugin {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kVersion = "client.authentication.k8s.io/v1";

std::string Output(const std::string& status) {
  return std::string(R"({"kind": "ExecCredential", "apiVersion": ")") + kVersion +
         R"(", "status": )" + status + "}";
}

TEST(ExecInfo, TellsOfTheClusterOnlyWhoAsks) {
  kube::ExecProvider provider;
  provider.api_version = kVersion;
  EXPECT_EQ(json::parse(ExecInfo(provider, "https://h", "PEM")),
            json::parse(R"({"apiVersion": "client.authentication.k8s.io/v1",
                            "kind": "ExecCredential", "spec": {"interactive": false}})"));
  provider.provide_cluster_info = true;
  EXPECT_EQ(json::parse(ExecInfo(provider, "https://h", "PEM"))["spec"]["cluster"],
            json::parse(R"({"server": "https://h", "certificate-authority-data": "UEVN"})"));
}

TEST(ParseExecCredential, ReadsATokenOrACertificateWithItsKey) {
  const auto token = ParseExecCredential(
      Output(R"({"token": "t-1", "expirationTimestamp": "2030-01-01T00:00:00Z"})"), kVersion);
  ASSERT_TRUE(token) << token.error().message;
  EXPECT_EQ(token->token.Reveal(), "t-1");
  const auto pair = ParseExecCredential(
      Output(R"({"clientCertificateData": "crt", "clientKeyData": "key"})"), kVersion);
  ASSERT_TRUE(pair) << pair.error().message;
  EXPECT_EQ(pair->client_certificate, "crt");
  EXPECT_EQ(pair->client_key.Reveal(), "key");
}

TEST(ParseExecCredential, SaysWhatIsWrongWithoutShowingIt) {
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "is no JSON object"},
      {"hunter2", "is no JSON object"},
      {R"({"token": "hunter2"})", "is no ExecCredential"},
      {R"({"kind": "ExecCredential", "apiVersion": "v1", "status": {"token": "hunter2"}})",
       "has the apiVersion 'v1', expected 'client.authentication.k8s.io/v1'"},
      {Output("{}"), "has neither status.token nor"},
      {Output("null"), "has neither status.token nor"},
      {Output(R"({"clientKeyData": "hunter2"})"), "has only one of"},
      {Output(R"({"token": "t", "clientCertificateData": "hunter2"})"), "has only one of"}};
  for (const auto& [output, what] : rows) {
    SCOPED_TRACE(output);
    const auto credential = ParseExecCredential(output, kVersion);
    ASSERT_FALSE(credential);
    EXPECT_THAT(credential.error().message, HasSubstr(what));
    EXPECT_THAT(credential.error().message, Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace committest::plugin

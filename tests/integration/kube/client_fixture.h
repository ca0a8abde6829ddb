#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/http/client.h"
#include "common/kube/api_client.h"
#include "common/kube/json_reader.h"
#include "tests/support/test_cluster.h"

namespace committest::kube {

inline const ResourceType kNamespaces{"", "v1", "namespaces", "Namespace", false};
inline const ResourceType kConfigMaps{"", "v1", "configmaps", "ConfigMap", true};
inline const ResourceType kServiceAccounts{"", "v1", "serviceaccounts", "ServiceAccount", true};
inline const ResourceType kJobs{"batch", "v1", "jobs", "Job", true};

inline nlohmann::json ConfigMap(const std::string& namespace_, const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"namespace", namespace_}, {"name", name}}},
          {"data", {{"key", "value"}}}};
}

inline nlohmann::json Job(const std::string& namespace_, const std::string& name) {
  const nlohmann::json container = {{"name", "main"}, {"image", "none"}};
  return {
      {"apiVersion", "batch/v1"},
      {"kind", "Job"},
      {"metadata", {{"namespace", namespace_}, {"name", name}}},
      {"spec",
       {{"template",
         {{"spec",
           {{"restartPolicy", "Never"}, {"containers", nlohmann::json::array({container})}}}}}}}};
}

inline std::string Uid(const nlohmann::json& object) { return ParseObjectMeta(object).value().uid; }

template <typename R>
ErrorCode CodeOf(const R& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorCode::kInternal : result.error().code;
}

/// A client of the test cluster's API server, and a namespace of its own there.
class ApiClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto config = testing::TestClusterConfig();
    ASSERT_TRUE(config) << config.error().message;
    config_ = *config;
    client_ = Connect(config_);
    namespace_ = testing::UniqueName("client");
    const auto made = client_->Create(
        kNamespaces,
        {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", namespace_}}}});
    ASSERT_TRUE(made) << made.error().message;
    namespace_uid_ = Uid(*made);
  }

  void TearDown() override {
    if (!namespace_uid_.empty()) {
      EXPECT_TRUE(client_->Delete(kNamespaces, {"", namespace_}, namespace_uid_));
    }
  }

  std::unique_ptr<ApiClient> Connect(const ClusterConfig& config, ApiClientOptions options = {}) {
    options.component = "test";
    auto client = ApiClient::Make(config, std::move(options), clock_, metrics_);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }

  ObjectKey Key(const std::string& name) const { return {namespace_, name}; }

  ClusterConfig Anonymous() const {
    ClusterConfig config = config_;
    config.client_certificate = config.client_key = config.token = {};
    return config;
  }

  // A token of a new ServiceAccount without any rights.
  std::string PowerlessToken() {
    const nlohmann::json account = {{"apiVersion", "v1"},
                                    {"kind", "ServiceAccount"},
                                    {"metadata", {{"namespace", namespace_}, {"name", "runner"}}}};
    const auto made = client_->Create(kServiceAccounts, account);
    EXPECT_TRUE(made || made.error().code == ErrorCode::kAlreadyExists);
    // A TokenRequest is POSTed to a subresource, which no role of the client does.
    auto transport = http::MakeClient(HttpOptions(), clock_);
    http::Request request;
    request.method = "POST";
    request.target = "/api/v1/namespaces/" + namespace_ + "/serviceaccounts/runner/token";
    request.headers["content-type"] = "application/json";
    request.body = R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})";
    const auto answer = (*transport)->Send(request, {}, {});
    EXPECT_TRUE(answer && answer->status == 201) << (answer ? answer->body : "no answer");
    return StringAt(ObjectAt(nlohmann::json::parse(answer->body), "status"), "token");
  }

  http::ClientOptions HttpOptions() const {
    http::ClientOptions options;
    options.endpoint = config_.server;
    options.tls.ca = [ca = config_.ca] { return ReadMaterial(ca); };
    options.tls.client_certificate = [certificate = config_.client_certificate,
                                      key =
                                          config_.client_key]() -> Result<http::ClientCertificate> {
      return http::ClientCertificate{*ReadMaterial(certificate), *ReadMaterial(key)};
    };
    return options;
  }

  SystemClock clock_;
  Metrics metrics_;
  ClusterConfig config_;
  std::unique_ptr<ApiClient> client_;
  std::string namespace_;
  std::string namespace_uid_;
};

}  // namespace committest::kube

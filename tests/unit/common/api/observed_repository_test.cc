#include "common/api/observed_repository.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/unit/common/api/samples.h"

namespace committest::api {
namespace {

using nlohmann::json;

json Object(json spec) {
  return {{"metadata", {{"name", "app"}, {"namespace", "ci"}, {"uid", "u"}}},
          {"spec", std::move(spec)}};
}

TEST(ObservedRepository, ReadsBackWhatItWrites) {
  const ObservedRepositorySpec spec = test::FullObservedRepositorySpec();
  const ObservedRepositoryStatus status = test::FullObservedRepositoryStatus();
  json object = Object(ToJson(spec));
  object["status"] = ToJson(status);
  const ObservedRepository read = ParseObservedRepository(object);
  EXPECT_EQ(read.parse_error, "");
  EXPECT_EQ(read.spec, spec);
  EXPECT_EQ(read.status, status);
}

TEST(ObservedRepository, AbsentFieldsGetTheDefaults) {
  const ObservedRepository read = ParseObservedRepository(Object({{"url", "https://x"}}));
  ObservedRepositorySpec expected;
  expected.url = "https://x";
  EXPECT_EQ(read.parse_error, "");
  EXPECT_EQ(read.spec, expected);
}

TEST(ObservedRepository, ReadsEachWebhookProvider) {
  for (const auto provider : {WebhookProvider::kGitHub, WebhookProvider::kGitLab,
                              WebhookProvider::kGitea, WebhookProvider::kGeneric}) {
    ObservedRepositorySpec spec;
    spec.url = "https://x";
    spec.webhook = WebhookSpec{provider, "app-webhook"};
    EXPECT_EQ(ParseObservedRepository(Object(ToJson(spec))).spec, spec)
        << WebhookProviderName(provider);
  }
}

TEST(ObservedRepository, ErrorsNameFieldValueAndExpectation) {
  const std::vector<std::pair<json, std::string>> cases{
      {json::object(), "spec.url is empty, expected the repository's URL"},
      {{{"url", ""}}, "spec.url is empty, expected the repository's URL"},
      {{{"url", "https://x"}, {"pollPeriodSeconds", 0}},
       "spec.pollPeriodSeconds is 0, expected an integer in 1..86400"},
      {{{"url", "https://x"}, {"commitPolicy", "Some"}},
       "spec.commitPolicy is 'Some', expected EveryCommit or TipOnly"},
      {{{"url", "https://x"}, {"pollPeriodWithWebhookSeconds", 86'401}},
       "spec.pollPeriodWithWebhookSeconds is 86401, expected an integer in 1..86400"},
      {{{"url", "https://x"}, {"webhook", {{"provider", "Gogs"}, {"secretName", "s"}}}},
       "spec.webhook.provider is 'Gogs', expected GitHub, GitLab, Gitea or Generic"},
      {{{"url", "https://x"}, {"webhook", {{"provider", "GitHub"}}}},
       "spec.webhook.secretName is empty, expected the name of a Secret"},
      {{{"url", "https://x"}, {"refs", "main"}},
       "spec.refs is \"main\", expected a list of at most 100 items"},
      {{{"url", "https://x"}, {"template", {{"tests", {{"framework", "Nose"}}}}}},
       "spec.template.tests.framework is 'Nose', expected Auto, Unittest, Pytest, CTest, GoTest, "
       "Cargo, Maven, Npm or Command"}};
  for (const auto& [spec, message] : cases) {
    EXPECT_EQ(ParseObservedRepository(Object(spec)).parse_error, message);
  }
}

}  // namespace
}  // namespace committest::api

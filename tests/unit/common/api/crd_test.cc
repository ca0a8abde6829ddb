#include <set>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "tests/unit/common/api/samples.h"

namespace committest::api {
namespace {

using nlohmann::json;
using Paths = std::set<std::string>;

// The CRDs are written by hand; these tests hold them and the C++ types together.

YAML::Node LoadSchema(const std::string& file) {
  const YAML::Node crd =
      YAML::LoadFile(std::string(COMMITTEST_SOURCE_DIR) + "/manifests/crds/" + file);
  return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
}

// Every property of a schema as a path: "spec.tests.framework", "status.refs[].name".
void CollectSchema(const YAML::Node& schema, const std::string& path, Paths& paths) {
  if (schema["properties"]) {
    for (const auto& property : schema["properties"]) {
      const std::string child = path + "." + property.first.as<std::string>();
      paths.insert(child);
      CollectSchema(property.second, child, paths);
    }
  }
  if (schema["items"]) CollectSchema(schema["items"], path + "[]", paths);
}

// `open` are the paths of objects whose members are free (additionalProperties).
void CollectJson(const json& value, const std::string& path, const Paths& open, Paths& paths) {
  if (open.contains(path)) return;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      paths.insert(path + "." + key);
      CollectJson(member, path + "." + key, open, paths);
    }
  } else if (value.is_array()) {
    for (const json& item : value) CollectJson(item, path + "[]", open, paths);
  }
}

void CollectOpen(const YAML::Node& schema, const std::string& path, Paths& open) {
  if (schema["additionalProperties"]) open.insert(path);
  if (schema["properties"]) {
    for (const auto& property : schema["properties"]) {
      CollectOpen(property.second, path + "." + property.first.as<std::string>(), open);
    }
  }
  if (schema["items"]) CollectOpen(schema["items"], path + "[]", open);
}

void ExpectSamePaths(const std::string& file, const json& spec, const json& status) {
  const YAML::Node schema = LoadSchema(file);
  for (const auto& [member, sample] : {std::pair{"spec", &spec}, std::pair{"status", &status}}) {
    const YAML::Node part = schema["properties"][member];
    Paths in_schema, in_code, open;
    CollectSchema(part, member, in_schema);
    CollectOpen(part, member, open);
    CollectJson(*sample, member, open, in_code);
    EXPECT_EQ(in_schema, in_code) << file;
  }
}

TEST(Crd, CommitTestHasExactlyTheFieldsOfTheCode) {
  ExpectSamePaths("committests.yaml", ToJson(test::FullCommitTestSpec()),
                  ToJson(test::FullCommitTestStatus()));
}

TEST(Crd, ObservedRepositoryHasExactlyTheFieldsOfTheCode) {
  ExpectSamePaths("observedrepositories.yaml", ToJson(test::FullObservedRepositorySpec()),
                  ToJson(test::FullObservedRepositoryStatus()));
}

// What is wrong with one property, or empty.
std::string Problem(const YAML::Node& schema) {
  const auto type = schema["type"].as<std::string>("");
  if (!schema["description"]) return "has no description";
  if (type == "string" && !schema["maxLength"] && !schema["enum"] && !schema["format"]) {
    return "is an unbounded string";
  }
  if (type == "array" && !schema["maxItems"]) return "is an unbounded list";
  if (type == "object" && schema["additionalProperties"] && !schema["maxProperties"]) {
    return "is an unbounded map";
  }
  if (type == "integer" && (!schema["minimum"] || !schema["format"])) {
    return "is an integer without minimum or format";
  }
  return type == "number" ? "is a float" : "";
}

void ExpectBounded(const YAML::Node& schema, const std::string& path) {
  if (schema["properties"]) {
    for (const auto& property : schema["properties"]) {
      const std::string child = path + "." + property.first.as<std::string>();
      EXPECT_EQ(Problem(property.second), "") << child;
      ExpectBounded(property.second, child);
    }
  }
  if (schema["items"]) ExpectBounded(schema["items"], path + "[]");
}

TEST(Crd, EveryFieldIsDescribedAndBounded) {
  for (const char* file : {"committests.yaml", "observedrepositories.yaml"}) {
    const YAML::Node schema = LoadSchema(file);
    ExpectBounded(schema["properties"]["spec"], std::string(file) + ": spec");
    ExpectBounded(schema["properties"]["status"], std::string(file) + ": status");
  }
}

TEST(Crd, DefaultsAreThoseOfTheCode) {
  const YAML::Node spec = LoadSchema("committests.yaml")["properties"]["spec"]["properties"];
  const YAML::Node execution = spec["execution"]["properties"];
  const ExecutionSpec defaults;
  EXPECT_EQ(execution["timeoutSeconds"]["default"].as<std::int64_t>(), defaults.timeout_seconds);
  EXPECT_EQ(execution["scheduleTimeoutSeconds"]["default"].as<std::int64_t>(),
            defaults.schedule_timeout_seconds);
  EXPECT_EQ(execution["startTimeoutSeconds"]["default"].as<std::int64_t>(),
            defaults.start_timeout_seconds);
  EXPECT_EQ(spec["ttlSecondsAfterFinished"]["default"].as<std::int64_t>(),
            CommitTestSpec().ttl_seconds_after_finished);
  EXPECT_EQ(spec["ttlSecondsAfterFinished"]["minimum"].as<std::int64_t>(), kMinTtlSeconds);
  EXPECT_EQ(spec["tests"]["properties"]["path"]["default"].as<std::string>(), TestsSpec().path);
  const YAML::Node repository =
      LoadSchema("observedrepositories.yaml")["properties"]["spec"]["properties"];
  const ObservedRepositorySpec observed;
  EXPECT_EQ(repository["pollPeriodSeconds"]["default"].as<std::int64_t>(),
            observed.poll_period_seconds);
  EXPECT_EQ(repository["pollPeriodWithWebhookSeconds"]["default"].as<std::int64_t>(),
            observed.poll_period_with_webhook_seconds);
  EXPECT_EQ(repository["maxBackfill"]["default"].as<std::int64_t>(), observed.max_backfill);
  EXPECT_EQ(repository["initialCommits"]["default"].as<std::int64_t>(), observed.initial_commits);
  EXPECT_EQ(repository["concurrency"]["properties"]["max"]["default"].as<std::int64_t>(),
            observed.concurrency.max);
  const YAML::Node retention = repository["retention"]["properties"];
  EXPECT_EQ(retention["maxCount"]["default"].as<std::int64_t>(), observed.retention.max_count);
  EXPECT_EQ(retention["keepLastPerRef"]["default"].as<std::int64_t>(),
            observed.retention.keep_last_per_ref);
}

}  // namespace
}  // namespace committest::api

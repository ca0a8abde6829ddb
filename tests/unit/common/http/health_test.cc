#include "common/http/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>

namespace committest::http {
namespace {

using ::testing::HasSubstr;

Request Get(std::string target) {
  Request request;
  request.target = std::move(target);
  return request;
}

TEST(Health, IsOkWithoutChecks) {
  const Metrics metrics;
  const Health health(metrics);
  for (const char* page : {"/livez", "/readyz", "/readyz?verbose"}) {
    SCOPED_TRACE(page);
    EXPECT_EQ(health.Handle(Get(page)).status, 200);
    EXPECT_EQ(health.Handle(Get(page)).body, "ok\n");
  }
}

TEST(Health, NamesEveryCheckAndTheReasonOfAFailure) {
  const Metrics metrics;
  Health health(metrics);
  health.AddReadinessCheck("caches", [] { return Status(); });
  health.AddReadinessCheck("leader",
                           [] { return Fail(ErrorCode::kUnavailable, "lost\nthe lease"); });
  const Response response = health.Handle(Get("/readyz"));
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "caches: ok\nleader: lost the lease\n");
}

TEST(Health, ChecksOfReadinessDoNotCountForLiveness) {
  const Metrics metrics;
  Health health(metrics);
  health.AddReadinessCheck("never", [] { return Fail(ErrorCode::kUnavailable, "not yet"); });
  health.AddLivenessCheck("workers", [] { return Status(); });
  EXPECT_EQ(health.Handle(Get("/livez")).status, 200);
  EXPECT_EQ(health.Handle(Get("/readyz")).status, 503);
}

TEST(Health, LeavesSecretsOutOfReasons) {
  const Metrics metrics;
  Health health(metrics);
  health.AddLivenessCheck(
      "git", [] { return Fail(ErrorCode::kUnavailable, "https://me:hunter2@host/x failed"); });
  EXPECT_EQ(health.Handle(Get("/livez")).body, "git: https://***@host/x failed\n");
}

TEST(Health, ShowsMetricsInPrometheusFormat) {
  Metrics metrics;
  metrics.Counter("committest_things_total", "Things.").Increment();
  const Health health(metrics);
  const Response response = health.Handle(Get("/metrics"));
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers.at("content-type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("committest_things_total 1"));
}

TEST(Health, KnowsNoOtherPage) {
  const Metrics metrics;
  EXPECT_EQ(Health(metrics).Handle(Get("/")).status, 404);
  EXPECT_EQ(Health(metrics).Handle(Get("/livez/x")).status, 404);
}

}  // namespace
}  // namespace committest::http

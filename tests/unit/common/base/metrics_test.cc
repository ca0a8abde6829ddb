#include "common/base/metrics.h"

#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

namespace committest {
namespace {

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  Metrics metrics;
  metrics.Counter("committest_polls_total", "Polls.", {{"result", "ok"}}).Increment();
  metrics.Counter("committest_polls_total", "Polls.", {{"result", "ok"}}).Increment();
  metrics.Counter("committest_polls_total", "Polls.", {{"result", "error"}}).Increment();
  const std::string text = metrics.Expose();
  EXPECT_NE(text.find("committest_polls_total{result=\"ok\"} 2"), std::string::npos) << text;
  EXPECT_NE(text.find("committest_polls_total{result=\"error\"} 1"), std::string::npos) << text;
}

TEST(Metrics, ExposesGaugesAndHistograms) {
  Metrics metrics;
  metrics.Gauge("committest_queue_depth", "Keys.").Set(3);
  metrics.Seconds("committest_reconcile_seconds", "Time.").Observe(0.02);
  const std::string text = metrics.Expose();
  EXPECT_NE(text.find("committest_queue_depth 3"), std::string::npos) << text;
  EXPECT_NE(text.find("committest_reconcile_seconds_bucket{le=\"0.025\"} 1"), std::string::npos)
      << text;
}

}  // namespace
}  // namespace committest

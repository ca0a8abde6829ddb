#pragma once

#include <map>
#include <memory>
#include <string>

namespace prometheus {
class Registry;
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace committest {

/// The process's Prometheus metrics. Thread-safe. Injected, never global.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// The series of this name and these labels, made at the first call; it lives as long as `this`.
  /// Names follow Prometheus: `committest_…_total`, base units.
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const Labels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const Labels& labels = {});
  /// Buckets for seconds from 1 ms to 10 min.
  prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                                 const Labels& labels = {});

  /// The text exposition format, for `GET /metrics`.
  std::string Expose() const;

 private:
  std::shared_ptr<prometheus::Registry> registry_;
};

}  // namespace committest

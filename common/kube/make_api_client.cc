#include <utility>

#include <prometheus/counter.h>

#include "common/base/metrics.h"
#include "common/kube/api_client.h"

namespace committest::kube {

AnswerCounter CountIn(Metrics& metrics) {
  return [&metrics](const std::string& verb, const std::string& kind, const std::string& code) {
    metrics
        .Counter("committest_api_requests_total", "Requests to the Kubernetes API server.",
                 {{"verb", verb}, {"kind", kind}, {"code", code}})
        .Increment();
  };
}

Result<std::unique_ptr<ApiClient>> ApiClient::Make(const ClusterConfig& config,
                                                   ApiClientOptions options, const Clock& clock,
                                                   Metrics& metrics) {
  auto http = HttpOptions(config, options);
  if (!http) return Fail(std::move(http).error());
  auto unary = http::MakeClient(*http, clock);
  if (!unary) return Fail(std::move(unary).error());
  auto watch = http::MakeClient(*std::move(http), clock);
  if (!watch) return Fail(std::move(watch).error());
  return std::make_unique<ApiClient>(Transport{std::move(*unary), std::move(*watch)}, config,
                                     std::move(options), clock, CountIn(metrics));
}

}  // namespace committest::kube

#include "common/http/health.h"

#include <utility>

#include "common/base/strings.h"

namespace committest::http {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";
// Prometheus' text exposition format 0.0.4.
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

void Health::AddLivenessCheck(std::string name, Check check) {
  liveness_.push_back({std::move(name), std::move(check)});
}

void Health::AddReadinessCheck(std::string name, Check check) {
  readiness_.push_back({std::move(name), std::move(check)});
}

Response Health::Report(const std::vector<NamedCheck>& checks) {
  Response response{200, {{"content-type", kPlainText}}, checks.empty() ? "ok\n" : ""};
  for (const NamedCheck& named : checks) {
    const Status status = named.check();
    if (!status) response.status = 503;
    response.body += named.name + ": " + (status ? "ok" : Redact(OneLine(status.error().message)));
    response.body += "\n";
  }
  return response;
}

Response Health::Handle(const Request& request) const {
  const std::string_view path = PathOf(request.target);
  if (path == "/livez") return Report(liveness_);
  if (path == "/readyz") return Report(readiness_);
  if (path == "/metrics") return {200, {{"content-type", kMetricsText}}, metrics_.Expose()};
  return {404, {{"content-type", kPlainText}}, "not found\n"};
}

}  // namespace committest::http

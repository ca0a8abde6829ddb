#include "tests/support/fake_http_client.h"

#include <utility>

namespace committest::testing {

FakeHttpClient::FakeHttpClient(std::shared_ptr<HttpExchanges> exchanges)
    : exchanges_(std::move(exchanges)) {}

Result<http::Response> FakeHttpClient::Send(const http::Request& request,
                                            const http::Limits& limits, std::stop_token) {
  exchanges_->requests.push_back(request);
  exchanges_->limits.push_back(limits);
  if (exchanges_->answers.empty()) return Fail(ErrorCode::kInternal, "no answer was prepared");
  Result<http::Response> answer = std::move(exchanges_->answers.front());
  exchanges_->answers.pop_front();
  return answer;
}

Status FakeHttpClient::Stream(const http::Request& request, const http::Limits& limits,
                              const http::ByteSink& sink, const http::HeadSink& on_response,
                              std::stop_token stop) {
  const auto answer = Send(request, limits, std::move(stop));
  if (!answer) return Fail(answer.error());
  if (Status taken = on_response(answer->status, answer->headers); !taken) return taken;
  return answer->body.empty() ? Status() : sink(answer->body);
}

}  // namespace committest::testing

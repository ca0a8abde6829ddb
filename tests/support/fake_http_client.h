#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/http/client.h"

namespace committest::testing {

/// What a `FakeHttpClient` is asked and what it answers; shared with the test, which keeps it while
/// the code under test owns the client.
struct HttpExchanges {
  /// Answered in order, by `Send` and `Stream` alike; a call without an answer left fails the test.
  std::deque<Result<http::Response>> answers;
  std::vector<http::Request> requests;
  std::vector<http::Limits> limits;
};

/// An HTTP client without a network: plays prepared answers. Not thread-safe.
class FakeHttpClient final : public http::Client {
 public:
  explicit FakeHttpClient(std::shared_ptr<HttpExchanges> exchanges);

  Result<http::Response> Send(const http::Request& request, const http::Limits& limits,
                              std::stop_token stop) override;
  Status Stream(const http::Request& request, const http::Limits& limits,
                const http::ByteSink& sink, const http::HeadSink& on_response,
                std::stop_token stop) override;

 private:
  const std::shared_ptr<HttpExchanges> exchanges_;
};

}  // namespace committest::testing

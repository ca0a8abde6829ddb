#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "common/base/clock.h"
#include "common/http/client.h"
#include "tests/support/scripted_server.h"

namespace committest::http {

inline constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: Value\r\n\r\nhello";
inline constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

using ClientMaker = Result<std::unique_ptr<Client>> (*)(ClientOptions options, const Clock& clock);

/// Both implementations keep the same contract; client_test.cc instantiates it.
class ClientTest : public ::testing::TestWithParam<std::pair<const char*, ClientMaker>> {
 protected:
  Result<std::unique_ptr<Client>> Make(ClientOptions options) {
    return GetParam().second(std::move(options), clock_);
  }

  std::unique_ptr<Client> Connect(const std::string& url, int max_in_flight = 8) {
    ClientOptions options;
    options.endpoint = url;
    options.max_in_flight = max_in_flight;
    auto client = Make(options);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }

  static Request Get(std::string target = "/") {
    Request request;
    request.target = std::move(target);
    return request;
  }

  static Request Post(std::string body) {
    Request request;
    request.method = "POST";
    request.body = std::move(body);
    request.headers["content-type"] = "application/json";
    return request;
  }

  static Limits Within(std::chrono::milliseconds total) {
    Limits limits;
    limits.total = total;
    return limits;
  }

  // Sends one GET to a new client of `server` and returns its error.
  Error ErrorOf(const testing::ScriptedServer& server,
                const Limits& limits = Within(std::chrono::seconds(5))) {
    const auto answer = Connect(server.Url())->Send(Get(), limits, {});
    EXPECT_FALSE(answer);
    return answer ? Error() : answer.error();
  }

  SystemClock clock_;
};

}  // namespace committest::http

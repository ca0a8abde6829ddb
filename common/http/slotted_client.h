#pragma once

#include <stop_token>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/client.h"
#include "common/http/slots.h"

namespace committest::http {

/// What is the same in every `Client`: when a call has to be over, how many `Send` run at once, and
/// how they collect an answer.
class SlottedClient : public Client {
 public:
  Result<Response> Send(const Request& request, const Limits& limits, std::stop_token stop) final;
  Status Stream(const Request& request, const Limits& limits, const ByteSink& sink,
                const HeadSink& on_response, std::stop_token stop) final;

 protected:
  /// `clock` must outlive it.
  SlottedClient(ClientOptions options, const Clock& clock);

  /// As `Client::Stream`, but over at `deadline` rather than by `limits.total`.
  virtual Status Perform(const Request& request, const Limits& limits, MonotonicTime deadline,
                         const HeadSink& on_head, const ByteSink& sink,
                         const std::stop_token& stop) = 0;

  const ClientOptions options_;
  const Clock& clock_;

 private:
  MonotonicTime Deadline(const Limits& limits) const;

  Slots slots_;
};

}  // namespace committest::http

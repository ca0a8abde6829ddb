#include "common/http/slotted_client.h"

#include <chrono>
#include <utility>

namespace committest::http {
namespace {

constexpr std::chrono::hours kNoDeadline{24};

}  // namespace

SlottedClient::SlottedClient(ClientOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), slots_(options_.max_in_flight) {}

MonotonicTime SlottedClient::Deadline(const Limits& limits) const {
  return clock_.Monotonic() + (limits.total.count() > 0 ? limits.total : kNoDeadline);
}

Result<Response> SlottedClient::Send(const Request& request, const Limits& limits,
                                     std::stop_token stop) {
  const MonotonicTime deadline = Deadline(limits);
  if (Status acquired = slots_.Acquire(deadline, stop); !acquired) {
    acquired.error().reason = kNotSent;
    return Fail(Context(options_.endpoint, std::move(acquired.error())));
  }
  Response response;
  const Status status = Perform(
      request, limits, deadline,
      [&](int code, const Headers& headers) {
        response.status = code;
        response.headers = headers;
        return Status();
      },
      [&](std::string_view piece) {
        response.body.append(piece);
        return Status();
      },
      stop);
  slots_.Release();
  if (!status) return Fail(status.error());
  return response;
}

Status SlottedClient::Stream(const Request& request, const Limits& limits, const ByteSink& sink,
                             const HeadSink& on_response, std::stop_token stop) {
  return Perform(request, limits, Deadline(limits), on_response, sink, stop);
}

}  // namespace committest::http

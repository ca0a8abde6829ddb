#include "common/http/response_reader.h"

#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "common/base/strings.h"

namespace committest::http {
namespace {

namespace wire = boost::beast::http;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;

std::string ToString(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

ResponseReader::ResponseReader(const HeadSink& on_head, const ByteSink& sink,
                               std::size_t body_limit, bool has_no_body)
    : on_head_(on_head), sink_(sink) {
  eager(true);
  header_limit(kMaxHeaderBytes);
  // No limit would be compared as one of zero, which is a mistake of the library's (1.74).
  this->body_limit(body_limit == 0 ? std::numeric_limits<std::uint64_t>::max() : body_limit);
  skip(has_no_body);
}

Status ResponseReader::Take(std::string_view bytes) {
  // Most answers come in one piece, which is parsed where it lies.
  const bool is_joined = !pending_.empty();
  if (is_joined) pending_.append(bytes);
  std::string_view rest = is_joined ? std::string_view(pending_) : bytes;
  ErrorCode_ error;
  while (!rest.empty() && !is_done()) {
    const std::size_t used = put(boost::asio::buffer(rest.data(), rest.size()), error);
    rest.remove_prefix(used);
    if (error) break;
  }
  if (error && error != wire::error::need_more) return Fail(ErrorOf(error));
  if (is_joined) {
    pending_.erase(0, pending_.size() - rest.size());
  } else {
    pending_.assign(rest);
  }
  if (pending_.size() > kMaxHeaderBytes && !is_done()) {
    return Fail(ErrorOf(wire::make_error_code(wire::error::header_limit)));
  }
  return {};
}

Status ResponseReader::TakeEnd() {
  ErrorCode_ error;
  if (!is_done() && got_some()) put_eof(error);
  if (error == wire::error::partial_message || !is_done()) {
    return Fail(ErrorCode::kUnavailable, "connection closed");
  }
  return {};
}

void ResponseReader::on_response_impl(int code, View, int, ErrorCode_&) { status_ = code; }

void ResponseReader::on_field_impl(wire::field, View name, View value, ErrorCode_& error) {
  if (!in_header_) return;
  // The library counts only what it has to see at once, and it takes field by field.
  header_bytes_ += name.size() + value.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    error = wire::make_error_code(wire::error::header_limit);
    return;
  }
  std::string& joined = headers_[Lower(ToString(name))];
  if (!joined.empty()) joined.append(", ");
  joined.append(value.data(), value.size());
}

void ResponseReader::on_header_impl(ErrorCode_& error) {
  in_header_ = false;
  if (!IsInterim()) Stop(on_head_(status_, headers_), error);
}

std::size_t ResponseReader::on_body_impl(View body, ErrorCode_& error) {
  Stop(sink_({body.data(), body.size()}), error);
  return body.size();
}

std::size_t ResponseReader::on_chunk_body_impl(std::uint64_t, View body, ErrorCode_& error) {
  return on_body_impl(body, error);
}

void ResponseReader::Stop(Status status, ErrorCode_& error) {
  error = {};
  if (status) return;
  failure_ = std::move(status.error());
  error = wire::make_error_code(wire::error::end_of_stream);
}

Error ResponseReader::ErrorOf(const ErrorCode_& error) const {
  if (failure_) return *failure_;
  if (error == wire::error::body_limit) {
    return {ErrorCode::kResourceExhausted, "the answer is larger than its limit", {}, std::nullopt};
  }
  if (error == wire::error::header_limit) {
    return {
        ErrorCode::kResourceExhausted, "the header block is larger than 16 KiB", {}, std::nullopt};
  }
  return {ErrorCode::kDataLoss, "the answer is not HTTP: " + error.message(), {}, std::nullopt};
}

}  // namespace committest::http

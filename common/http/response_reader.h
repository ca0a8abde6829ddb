#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

#include "common/base/result.h"
#include "common/http/message.h"

namespace committest::http {

/// Reads one answer from the bytes of a peer that is not trusted, and hands it on as it comes.
///
/// Guarantees: no more than 16 KiB of header block, chunk headers or trailers are ever kept, and of
/// the body nothing; fields after the body (trailers) are dropped. What is not HTTP is an error at
/// the first byte that shows it.
///
/// Errors: kDataLoss what came is not HTTP; kResourceExhausted a limit was reached; kUnavailable
/// the peer closed too early; whatever a sink returned.
class ResponseReader final : private boost::beast::http::basic_parser<false> {
 public:
  /// `body_limit` in bytes; zero: none. `has_no_body`: of the answer to a HEAD or CONNECT request.
  ResponseReader(const HeadSink& on_head, const ByteSink& sink, std::size_t body_limit,
                 bool has_no_body);

  /// Takes over bytes as they came. REQUIRES: not `IsDone`, and no error before.
  Status Take(std::string_view bytes);
  /// The peer has closed the connection.
  Status TakeEnd();

  /// Whether the answer is complete.
  bool IsDone() const { return is_done(); }
  /// Whether the connection can serve another request. REQUIRES: IsDone().
  bool CanGoOn() const { return keep_alive() && pending_.empty(); }
  /// Whether it was a 1xx answer, which another one follows. REQUIRES: IsDone().
  bool IsInterim() const { return status_ >= 100 && status_ < 200; }
  int HttpStatus() const { return status_; }
  /// Bytes behind the answer.
  std::string TakeRest() { return std::exchange(pending_, {}); }

 private:
  using ErrorCode_ = boost::beast::error_code;
  using View = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, View, View, int, ErrorCode_&) override {}
  void on_response_impl(int code, View reason, int version, ErrorCode_& error) override;
  void on_field_impl(boost::beast::http::field field, View name, View value,
                     ErrorCode_& error) override;
  void on_header_impl(ErrorCode_& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode_&) override {}
  std::size_t on_body_impl(View body, ErrorCode_& error) override;
  void on_chunk_header_impl(std::uint64_t, View, ErrorCode_&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remain, View body, ErrorCode_& error) override;
  void on_finish_impl(ErrorCode_&) override {}

  void Stop(Status status, ErrorCode_& error);
  Error ErrorOf(const ErrorCode_& error) const;

  const HeadSink& on_head_;
  const ByteSink& sink_;
  int status_ = 0;
  Headers headers_;
  std::size_t header_bytes_ = 0;
  bool in_header_ = true;
  std::string pending_;           ///< Not parsed yet, because a part is missing.
  std::optional<Error> failure_;  ///< Of a sink.
};

}  // namespace committest::http

// The only file that includes cpprestsdk. What was measured of the library stands at the line that
// had to be written because of it.
#define _TURN_OFF_PLATFORM_STRING  // NOLINT(bugprone-reserved-identifier): the library's name
#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <cpprest/astreambuf.h>
#include <cpprest/http_client.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pplx/threadpool.h>

#include "common/base/strings.h"
#include "common/http/certificate_store.h"
#include "common/http/client.h"
#include "common/http/exchange.h"
#include "common/http/slotted_client.h"

namespace committest::http {
namespace {

namespace streams = concurrency::streams;

// A backstop only: Exchange keeps the deadlines. Longer than any of them, because the library's
// timer starts anew at each step of its own.
constexpr std::chrono::hours kLibraryTimeout{1};
// How long the destructor waits for cancelled requests; only a silent name server takes longer, and
// what is left then keeps itself alive.
constexpr std::chrono::seconds kDrainTimeout{5};

// Feeds the library's pieces to an exchange. A failure must be a task's exception: one that is
// thrown out of `_putn` aborts the process.
class PieceBuffer final : public streams::details::streambuf_state_manager<std::uint8_t> {
 public:
  explicit PieceBuffer(std::shared_ptr<Exchange> exchange)
      : streambuf_state_manager(std::ios_base::out), exchange_(std::move(exchange)) {}

  bool can_seek() const override { return false; }
  bool has_size() const override { return false; }
  size_t buffer_size(std::ios_base::openmode) const override { return 0; }
  void set_buffer_size(size_t, std::ios_base::openmode) override {}
  size_t in_avail() const override { return 0; }
  pos_type getpos(std::ios_base::openmode) const override { return kNowhere; }
  pos_type seekpos(pos_type, std::ios_base::openmode) override { return kNowhere; }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    return kNowhere;
  }
  bool acquire(std::uint8_t*&, size_t&) override { return false; }
  void release(std::uint8_t*, size_t) override {}
  // After a refused piece the library waits for this on a thread of its pool. Its own version needs
  // another one to end: as many refusals at once as there are threads would stop all of them for ever.
  pplx::task<void> close(std::ios_base::openmode mode) override {
    if ((mode & std::ios_base::out) != 0) m_stream_can_write = false;
    return pplx::task_from_result();
  }
  using streambuf_state_manager::close;

 protected:
  pplx::task<size_t> _putn(const std::uint8_t* data, size_t size) override {
    const pplx::task_completion_event<size_t> done;
    exchange_->OnPiece({reinterpret_cast<const char*>(data), size}, [done, size](bool accepted) {
      if (accepted) {
        done.set(size);
      } else {
        done.set_exception(std::runtime_error("the answer is no longer wanted"));
      }
    });
    return pplx::create_task(done);
  }
  // The library's client writes with _putn only.
  pplx::task<int_type> _putc(std::uint8_t) override { return Eof(); }
  pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
  std::uint8_t* _alloc(size_t) override { return nullptr; }
  void _commit(size_t) override {}
  pplx::task<int_type> _bumpc() override { return Eof(); }
  int_type _sbumpc() override { return traits::eof(); }
  pplx::task<int_type> _getc() override { return Eof(); }
  int_type _sgetc() override { return traits::eof(); }
  pplx::task<int_type> _nextc() override { return Eof(); }
  pplx::task<int_type> _ungetc() override { return Eof(); }
  pplx::task<size_t> _getn(std::uint8_t*, size_t) override {
    return pplx::task_from_result<size_t>(0);
  }
  size_t _scopy(std::uint8_t*, size_t) override { return 0; }

 private:
  static constexpr off_type kNowhere = -1;
  static pplx::task<int_type> Eof() { return pplx::task_from_result<int_type>(traits::eof()); }

  const std::shared_ptr<Exchange> exchange_;
};

Error ErrorOfHttpException(const web::http::http_exception& e) {
  const int code = e.error_code().value();
  const auto is = [code](std::errc value) { return code == static_cast<int>(value); };
  const auto error = [](ErrorCode kind, std::string_view message) {
    return Error{kind, Redact(message), {}, std::nullopt};
  };
  if (is(std::errc::operation_canceled)) return error(ErrorCode::kCancelled, "stopped");
  if (is(std::errc::timed_out)) return error(ErrorCode::kDeadlineExceeded, "no answer in time");
  // Nothing on the socket failed, so what came over it was not HTTP.
  if (code == 0) return error(ErrorCode::kDataLoss, e.what());
  // The library uses this one for refused connections too: its text would mislead.
  if (is(std::errc::host_unreachable)) return error(ErrorCode::kUnavailable, e.what());
  // A value beyond errno is OpenSSL's.
  constexpr int kMaxErrno = 4095;
  const char* tls = code > kMaxErrno || code < 0
                        ? ERR_reason_error_string(static_cast<unsigned long>(code))
                        : nullptr;
  if (tls != nullptr) return error(ErrorCode::kUnavailable, e.what() + std::string(": ") + tls);
  // End of file is "No such file or directory" to the library.
  if (is(std::errc::no_such_file_or_directory) || is(std::errc::connection_aborted) || code == 1 ||
      code == 2) {
    return error(ErrorCode::kUnavailable, e.what() + std::string(": connection closed"));
  }
  return error(ErrorCode::kUnavailable,
               e.what() + std::string(": ") + std::generic_category().message(code));
}

Error ErrorOf(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const web::http::http_exception& e) {
    return ErrorOfHttpException(e);
  } catch (const std::exception& e) {
    return {ErrorCode::kUnavailable, Redact(e.what()), {}, std::nullopt};
  } catch (...) {
    return {ErrorCode::kInternal, "unknown exception", {}, std::nullopt};
  }
}

Headers HeadersOf(const web::http::http_response& response) {
  Headers headers;
  for (const auto& [name, value] : response.headers()) headers[Lower(name)] = value;
  return headers;
}

bool IsIpAddress(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

// Runs for each new connection: replaced certificates count from then on. Throws, as the library
// wants it.
void ConfigureTls(const TlsOptions& tls, CertificateStore& store, boost::asio::ssl::context& ssl) {
  const auto check = [](std::string_view what, const auto& result) {
    if (!result) throw std::runtime_error(Context(what, result.error()).message);
  };
  SSL_CTX_set_min_proto_version(ssl.native_handle(), TLS1_2_VERSION);
  if (tls.ca) {
    const auto pem = tls.ca();
    check("CA", pem);
    const auto trusted = store.For(*pem);
    check("CA", trusted);
    // Replaces the default store, which would go on trusting the system's roots beside this CA.
    SSL_CTX_set1_cert_store(ssl.native_handle(), trusted->get());
  }
  if (tls.client_certificate) {
    const auto pair = tls.client_certificate();
    check("client certificate", pair);
    ssl.use_certificate_chain(boost::asio::buffer(pair->certificate_pem));
    ssl.use_private_key(boost::asio::buffer(pair->key_pem), boost::asio::ssl::context::pem);
  }
}

bool HasLineBreak(std::string_view text) { return text.find_first_of("\r\n") != text.npos; }

Result<web::http::http_request> MakeRequest(const Request& request, const std::string& user_agent) {
  web::http::http_request out(request.method);
  try {
    out.set_request_uri(web::uri(request.target));
  } catch (const std::exception&) {
    return Fail(ErrorCode::kInvalidArgument, "the request's target is not a valid URI", kNotSent);
  }
  out.headers().add("User-Agent", user_agent);
  std::string content_type = "application/octet-stream";
  for (const auto& [name, value] : request.headers) {
    if (HasLineBreak(name) || HasLineBreak(value)) {
      return Fail(ErrorCode::kInvalidArgument, "header " + OneLine(name) + " has a line break",
                  kNotSent);
    }
    // The library would take the name to verify the certificate against from it.
    if (Lower(name) == "host") {
      return Fail(ErrorCode::kInvalidArgument, "a Host header cannot be given", kNotSent);
    }
    if (Lower(name) == "content-type") {
      content_type = value;
    } else {
      out.headers().add(name, value);
    }
  }
  if (!request.body.empty()) out.set_body(request.body, content_type);
  return out;
}

class CpprestClient final : public SlottedClient {
 public:
  CpprestClient(ClientOptions options, const web::uri& endpoint, const Clock& clock)
      : SlottedClient(std::move(options), clock), client_(endpoint, Configure(endpoint)) {}

  // No call runs any more, so all that is open has been cancelled.
  ~CpprestClient() override { open_->WaitForNone(clock_.Monotonic() + kDrainTimeout); }
  CpprestClient(const CpprestClient&) = delete;
  CpprestClient& operator=(const CpprestClient&) = delete;

 private:
  web::http::client::http_client_config Configure(const web::uri& endpoint) {
    web::http::client::http_client_config config;
    config.set_timeout(kLibraryTimeout);
    // The library would repeat all headers, the token among them, to whatever host is named.
    config.set_max_redirects(0);
    config.set_validate_certificates(true);
    config.set_tlsext_sni_enabled(!IsIpAddress(endpoint.host()));
    config.set_ssl_context_callback(
        [tls = options_.tls, store = std::make_shared<CertificateStore>()](
            boost::asio::ssl::context& ssl) { ConfigureTls(tls, *store, ssl); });
    return config;
  }

  Status Perform(const Request& request, const Limits& limits, MonotonicTime deadline,
                 const HeadSink& on_head, const ByteSink& sink,
                 const std::stop_token& stop) override {
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped", kNotSent);
    try {
      auto out = MakeRequest(request, options_.user_agent);
      if (!out) return Fail(Context(options_.endpoint, std::move(out).error()));
      const pplx::cancellation_token_source cancel;
      auto exchange = std::make_shared<Exchange>(limits.permit, !request.body.empty(),
                                                 [cancel] { cancel.cancel(); });
      Attach(*out, exchange);
      Start(*out, cancel.get_token(), exchange);
      Status status = exchange->Run(limits, deadline, on_head, sink, stop, clock_);
      if (!status) return Fail(Context(options_.endpoint, std::move(status).error()));
      return status;
    } catch (const std::exception& e) {
      return Fail(ErrorCode::kInternal, options_.endpoint + ": " + e.what());
    }
  }

  static void Attach(web::http::http_request& out, const std::shared_ptr<Exchange>& exchange) {
    out.set_response_stream(
        streams::streambuf<std::uint8_t>(std::make_shared<PieceBuffer>(exchange)).create_ostream());
    // Called with zero between the header block and the first byte of the body: the last moment at
    // which the request can be held back. Throwing is how the library wants to be told.
    out.set_progress_handler(
        [exchange](web::http::message_direction::direction direction, utility::size64_t done) {
          if (direction != web::http::message_direction::upload || done > 0) return;
          if (!exchange->OnUpload()) throw std::runtime_error("the request was held back");
        });
  }

  void Start(const web::http::http_request& out, const pplx::cancellation_token& token,
             const std::shared_ptr<Exchange>& exchange) {
    pplx::task<web::http::http_response> answer = client_.request(out, token);
    open_->Add();
    const auto finish = [exchange, open = open_](Status status) {
      exchange->OnEnd(std::move(status));
      open->Remove();
    };
    // Every chain ends in a continuation that observes the exception: one that nobody observes
    // ends the process. The tasks given to get() are complete, so no thread of the pool waits.
    answer.then([exchange, finish](pplx::task<web::http::http_response> task) {
      try {
        const web::http::http_response response = task.get();
        exchange->OnHead(response.status_code(), HeadersOf(response));
        response.content_ready().then([finish](pplx::task<web::http::http_response> body) {
          try {
            body.get();
            finish({});
          } catch (...) {
            finish(Fail(ErrorOf(std::current_exception())));
          }
        });
      } catch (...) {
        finish(Fail(ErrorOf(std::current_exception())));
      }
    });
  }

  const std::shared_ptr<OpenCount> open_ = std::make_shared<OpenCount>();
  web::http::client::http_client client_;
};

}  // namespace

Result<std::unique_ptr<Client>> MakeClient(ClientOptions options, const Clock& clock) {
  const auto malformed = [&options] {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + Redact(options.endpoint) + "' is not of the form http[s]://host[:port]");
  };
  try {
    const web::uri endpoint(options.endpoint);
    // The library gives the resolver the brackets too, and the certificate check as well.
    if (endpoint.host().starts_with('[')) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + options.endpoint + "': use a name, not an IPv6 address");
    }
    const bool known = endpoint.scheme() == "https" || endpoint.scheme() == "http";
    const bool bare = endpoint.path() == "/" || endpoint.path().empty();
    if (known && bare && !endpoint.host().empty() && endpoint.query().empty() &&
        endpoint.fragment().empty() && endpoint.user_info().empty()) {
      return std::make_unique<CpprestClient>(std::move(options), endpoint, clock);
    }
    return malformed();
  } catch (const std::exception&) {
    return malformed();
  }
}

Status InitThreads(int threads) {
  // Before the pool, so that at exit the pool ends first: OpenSSL's own end takes away what frees
  // its memory of each thread.
  OPENSSL_init_ssl(0, nullptr);
  try {
    crossplat::threadpool::initialize_with_threads(static_cast<std::size_t>(threads));
    return {};
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kInternal, std::string("HTTP threads: ") + e.what());
  }
}

}  // namespace committest::http

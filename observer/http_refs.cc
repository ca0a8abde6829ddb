#include "observer/http_refs.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::observer {
namespace {

std::optional<std::chrono::milliseconds> RetryAfter(const http::Headers& headers) {
  const auto it = headers.find("retry-after");
  if (it == headers.end()) return std::nullopt;
  int seconds = 0;
  const std::string& text = it->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

Error ErrorOfAnswer(const http::Response& response) {
  const std::string shown = " (HTTP " + std::to_string(response.status) + ")";
  Error error{
      ErrorCode::kUnavailable, "the Git server failed" + shown, {}, RetryAfter(response.headers)};
  if (response.status == 401) {
    error.code = ErrorCode::kUnauthenticated;
    error.message = "the Git server wants credentials; the repository is private or absent" + shown;
  } else if (response.status == 403) {
    error.code = ErrorCode::kPermissionDenied;
    error.message = "the Git server refuses access" + shown;
  } else if (response.status == 404 || response.status == 410) {
    error.code = ErrorCode::kNotFound;
    error.message = "the Git server has no such repository" + shown;
  } else if (response.status == 429) {
    error.code = ErrorCode::kResourceExhausted;
    error.message = "the Git server is asked too often" + shown;
  } else if (response.status >= 300 && response.status < 400) {
    error.reason = api::reason::kRedirected;
    error.message =
        "the Git server redirects, which is not followed; spec.url must be the final address" +
        shown;
  }
  return error;
}

HttpRefs::HttpRefs(HttpRefsOptions options, HttpClientFactory make_client, const Clock& clock,
                   std::stop_token stop)
    : options_(options),
      make_client_(std::move(make_client)),
      clock_(clock),
      stop_(std::move(stop)),
      clients_(clock, kServersRemembered, kMaxServersRemembered),
      servers_(clock, kServersRemembered, kMaxServersRemembered) {}

std::size_t HttpRefs::Remembered() const {
  MutexLock lock(mutex_);
  return clients_.Size() + servers_.Size();
}

// One listing.
struct HttpRefs::Look {
  http::Client& client;
  const git::GitUrl& url;
  const git::Access& access;
  const std::vector<RefPattern>& patterns;
  MonotonicTime deadline;
};

Result<RemoteRefs> HttpRefs::List(const git::GitUrl& url, const git::Access& access,
                                  const std::vector<RefPattern>& patterns) {
  const MonotonicTime deadline = clock_.Monotonic() + options_.deadline;
  const auto client = ClientOf(url.Origin(), access.ca_pem);
  if (!client) return Fail(client.error());
  const Look look{**client, url, access, patterns, deadline};
  const std::string key = url.ToString();
  std::optional<ServerCapabilities> known;
  {
    MutexLock lock(mutex_);
    if (const auto* server = servers_.Find(key)) known = *server;
  }
  if (known) {
    auto refs = Ask(look, *known);
    if (refs) return refs;
    MutexLock lock(mutex_);
    servers_.Erase(key);
    if (refs.error().code != ErrorCode::kUnavailable) return refs;
  }
  // Servers close idle connections, sometimes just as they are used again; a look that starts anew
  // tells that from a server that is down.
  return ListFresh(look);
}

Result<RemoteRefs> HttpRefs::ListFresh(const Look& look) {
  http::Request request;
  request.target = look.url.path + "/info/refs?service=git-upload-pack";
  request.headers = {{"git-protocol", "version=2"}, {"accept", "*/*"}};
  const auto body = Send(look, std::move(request));
  if (!body) return Fail(body.error());
  auto advertisement = DecodeAdvertisement(*body);
  if (!advertisement && advertisement.error().code == ErrorCode::kDataLoss) {
    return Fail(Context("the address does not answer as a Git server", advertisement.error()));
  }
  if (!advertisement) return Fail(std::move(advertisement.error()));
  if (advertisement->capabilities.protocol != 2) {
    return FilterRefs(std::move(advertisement->refs), look.patterns);
  }
  {
    MutexLock lock(mutex_);
    servers_.Put(look.url.ToString(), advertisement->capabilities);
  }
  return Ask(look, advertisement->capabilities);
}

Result<RemoteRefs> HttpRefs::Ask(const Look& look, const ServerCapabilities& server) {
  http::Request request;
  request.method = "POST";
  request.target = look.url.path + "/git-upload-pack";
  request.headers = {{"git-protocol", "version=2"},
                     {"content-type", "application/x-git-upload-pack-request"},
                     {"accept", "application/x-git-upload-pack-result"}};
  request.body = EncodeLsRefs(server, look.patterns);
  const auto body = Send(look, std::move(request));
  if (!body) return Fail(body.error());
  return DecodeLsRefs(*body, look.patterns);
}

Result<std::string> HttpRefs::Send(const Look& look, http::Request request) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(look.deadline - clock_.Monotonic());
  if (left <= std::chrono::milliseconds::zero()) {
    return Fail(ErrorCode::kDeadlineExceeded, "the Git server did not answer in time");
  }
  if (!look.access.authorization.IsEmpty()) {
    request.headers["authorization"] = look.access.authorization.Reveal();
  }
  http::Limits limits;
  limits.total = left;
  limits.idle = left;
  limits.body_bytes = options_.max_answer_bytes;
  auto response = look.client.Send(request, limits, stop_);
  if (!response && response.error().code == ErrorCode::kDeadlineExceeded) {
    // Without the figures that the client may add, so that the condition stays as it is.
    return Fail(ErrorCode::kDeadlineExceeded, "the Git server did not answer in time");
  }
  if (!response) {
    // Here the reason is what people read in the condition; NotSent is only of use to those who write.
    if (response.error().reason == http::kNotSent) response.error().reason.clear();
    return Fail(std::move(response.error()));
  }
  if (response->status != 200) return Fail(ErrorOfAnswer(*response));
  return std::move(response->body);
}

Result<std::shared_ptr<http::Client>> HttpRefs::ClientOf(const std::string& origin,
                                                         const std::string& ca_pem) {
  const std::string key = ca_pem.empty() ? origin : origin + " " + Sha256Hex(ca_pem);
  MutexLock lock(mutex_);
  if (const auto* client = clients_.Find(key)) return *client;
  auto made = make_client_(origin, ca_pem);
  if (!made) return Fail(std::move(made.error()));
  std::shared_ptr<http::Client> client = std::move(*made);
  clients_.Put(key, client);
  return client;
}

}  // namespace committest::observer

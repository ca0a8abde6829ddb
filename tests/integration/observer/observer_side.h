#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/http/network.h"
#include "observer/access_source.h"
#include "observer/network_git_remote.h"
#include "tests/support/temporary_folder.h"

namespace committest::observer {

/// Secrets that a test sets, and counts the reads of.
class FakeSecrets final : public SecretSource {
 public:
  std::map<std::string, git::SecretData> secrets;  ///< By name.
  /// What `Get` goes on to answer although `secrets` has changed, as a cache does.
  std::map<std::string, git::SecretData> remembered;
  int fresh_reads = 0;

  Result<git::SecretData> Get(const kube::ObjectKey& key) override {
    if (const auto it = remembered.find(key.name); it != remembered.end()) return it->second;
    return Read(key);
  }

  Result<git::SecretData> GetFresh(const kube::ObjectKey& key) override {
    ++fresh_reads;
    remembered.clear();
    return Read(key);
  }

 private:
  Result<git::SecretData> Read(const kube::ObjectKey& key) const {
    const auto it = secrets.find(key.name);
    if (it != secrets.end()) return it->second;
    return Fail(ErrorCode::kNotFound, "Secret " + key.ToString() + " does not exist");
  }
};

inline http::NetworkOptions Allowing(const std::vector<std::string>& addresses) {
  http::NetworkOptions options;
  options.addresses = *http::ParseAddressPolicy(addresses);
  return options;
}

/// The observer's side of Git with a data folder of its own.
class ObserverSide {
 public:
  explicit ObserverSide(std::chrono::milliseconds list_deadline = std::chrono::seconds(20),
                        std::chrono::milliseconds fetch_deadline = std::chrono::seconds(60),
                        const http::NetworkOptions& network = Allowing({"127.0.0.1"}))
      : network_(std::make_shared<http::Network>(network, clock_)),
        refs_({list_deadline, 64 * 1024}, MakeClientOf(), clock_, stop_.get_token()),
        ssh_refs_(SshOptions(list_deadline), network_->addresses, clock_, stop_.get_token()),
        mirrors_(Options(fetch_deadline), network_->addresses, reader_, clock_, stop_.get_token()),
        tokens_(MakeClientOf(), clock_, stop_.get_token()),
        access_(secrets_, tokens_),
        git_({.allow_http = true}, network_->proxies, access_, refs_, ssh_refs_, mirrors_) {}

  /// As `GitRemote`, with the Secret `secret_name` if it is set.
  Result<RemoteRefs> ListRefs(const std::string& url, const std::vector<RefPattern>& patterns) {
    return git_.ListRefs({key_, url, secret_name}, patterns);
  }
  Result<std::vector<HistoryAnswer>> History(const std::string& url,
                                             const std::vector<HistoryQuery>& queries) {
    return git_.History({key_, url, secret_name}, queries);
  }
  Result<DetailsAnswer> Details(const std::string& url, const std::vector<DetailsQuery>& queries) {
    return git_.Details({key_, url, secret_name}, queries);
  }
  void Forget() { git_.Forget(key_); }

  std::filesystem::path MirrorPath() const { return mirrors_.PathOf(key_); }
  const HistoryReader& reader() const { return reader_; }
  FakeSecrets& secrets() { return secrets_; }
  void Stop() { stop_.request_stop(); }

  std::string secret_name;

 private:
  HttpClientFactory MakeClientOf() const {
    return [this](const std::string& endpoint, const std::string& ca_pem) {
      http::ClientOptions options;
      options.endpoint = endpoint;
      if (!ca_pem.empty()) options.tls.ca = [ca_pem] { return Result<std::string>(ca_pem); };
      return http::MakeGuardedClient(std::move(options), network_, clock_);
    };
  }
  MirrorOptions Options(std::chrono::milliseconds deadline) const {
    MirrorOptions options;
    options.data_dir = folder_.path();
    options.fetch_deadline = deadline;
    options.git.ssh_wrapper = COMMITTEST_SSH_WRAPPER;
    return options;
  }
  static SshRefsOptions SshOptions(std::chrono::milliseconds deadline) {
    SshRefsOptions options;
    options.deadline = deadline;
    return options;
  }

  const kube::ObjectKey key_{"ci", "app"};
  const SystemClock clock_;
  std::stop_source stop_;
  const testing::TemporaryFolder folder_;
  const HistoryReader reader_;
  FakeSecrets secrets_;
  const std::shared_ptr<http::Network> network_;
  HttpRefs refs_;
  SshRefs ssh_refs_;
  const Mirrors mirrors_;
  GithubTokens tokens_;
  AccessSource access_;
  NetworkGitRemote git_;
};

}  // namespace committest::observer

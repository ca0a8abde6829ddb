#include "observer/app.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stop_token>
#include <sys/resource.h>
#include <system_error>
#include <utility>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/base/random.h"
#include "common/http/client.h"
#include "common/http/health.h"
#include "common/http/network.h"
#include "common/http/server.h"
#include "common/kube/api_client.h"
#include "common/kube/config.h"
#include "common/kube/controller.h"
#include "observer/access_source.h"
#include "observer/github_app.h"
#include "observer/history.h"
#include "observer/http_refs.h"
#include "observer/mirror.h"
#include "observer/network_git_remote.h"
#include "observer/repository_caches.h"
#include "observer/repository_reconciler.h"
#include "observer/secret_source.h"
#include "observer/webhook_receiver.h"
#include "observer/webhook_secrets.h"

namespace committest::observer {
namespace {

// Beyond that an API server only gets slower.
constexpr int kMaxApiRequests = 16;
// GitHub's limit is 25 MB, but a delivery says no more than "look now": one that is larger is made up
// for by the next poll.
constexpr std::uint64_t kWebhookBodyBytes = std::uint64_t{5} * 1024 * 1024;
// A quarter of all, so that nobody takes all of them.
constexpr int kWebhookConnectionsPerPeer = 64;
// Two, so that the signature of a large body keeps nobody else waiting.
constexpr int kWebhookThreads = 2;

// One host needs as many as looks run at it at once; this is enough for a thousand hosts, and costs
// 10 to 30 KB each with TLS when it is used up. Beyond it each look pays for a handshake.
constexpr rlim_t kMaxIdleConnections = 1000;
// Those, workers and their children's pipes, the API's and webhooks' connections.
constexpr rlim_t kDescriptors = 4096;

kube::ApiClientOptions ClientOptions(const Config& config) {
  kube::ApiClientOptions options;
  options.component = "observer";
  options.max_in_flight = std::min(config.workers, kMaxApiRequests);
  return options;
}

// Lets this process have as many descriptors as it can use; says how many. Many systems start processes with 1,024 and allow more.
rlim_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlimit raised = limit;
  raised.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kDescriptors));
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

http::NetworkOptions NetOptions(const Config& config) {
  http::NetworkOptions options;
  options.addresses = config.addresses;
  options.proxies = config.proxies;
  options.max_idle_connections =
      static_cast<std::size_t>(std::min(kMaxIdleConnections, RaiseDescriptorLimit() / 4));
  return options;
}

HttpRefsOptions RefsOptions(const Config& config) {
  HttpRefsOptions options;
  options.deadline = config.list_timeout;
  return options;
}

MirrorOptions MirrorsOptions(const Config& config) {
  MirrorOptions options;
  options.data_dir = config.data_dir;
  options.fetch_deadline = config.fetch_timeout;
  options.git.ca_file = config.ca_file;
  std::error_code error;
  const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) options.git.ssh_wrapper = own.parent_path() / "committest-ssh";
  return options;
}

SshRefsOptions SshOptions(const Config& config) {
  SshRefsOptions options;
  options.deadline = config.list_timeout;
  return options;
}

// For each new connection, so that a replaced file counts.
Result<std::string> ReadAuthorities(const std::string& path) {
  std::ifstream file(path);
  std::string pem{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.fail() || pem.empty()) {
    return Fail(ErrorCode::kUnavailable, "the file of --ca-file cannot be read");
  }
  return pem;
}

// `ca_pem` are a repository's own authorities, `ca_file` the installation's.
http::TlsOptions TrustOf(const std::string& ca_pem, const std::string& ca_file) {
  http::TlsOptions tls;
  if (!ca_pem.empty()) {
    tls.ca = [ca_pem] { return Result<std::string>(ca_pem); };
  } else if (!ca_file.empty()) {
    tls.ca = [ca_file] { return ReadAuthorities(ca_file); };
  }
  return tls;
}

ReconcilerOptions LookOptions(const Config& config) {
  ReconcilerOptions options;
  options.url_policy.allow_http = config.allow_http;
  options.hosts = HostLimits::Of(config.workers);
  return options;
}

kube::ControllerOptions WorkerOptions(const Config& config) {
  kube::ControllerOptions options;
  options.name = "observedrepository";
  options.workers = config.workers;
  return options;
}

// What nothing else depends on; it outlives the rest.
struct Basics {
  SystemClock clock;
  std::unique_ptr<Random> random = MakeSystemRandom();
  Metrics metrics;
  std::stop_source stop;
};

class RealApp final : public App {
 public:
  RealApp(const Config& config, std::unique_ptr<Basics> basics,
          std::unique_ptr<kube::ApiClient> client)
      : basics_(std::move(basics)),
        client_(std::move(client)),
        network_(std::make_shared<http::Network>(NetOptions(config), basics_->clock)),
        refs_(RefsOptions(config), MakeClientOf(config), basics_->clock, basics_->stop.get_token()),
        mirrors_(MirrorsOptions(config), network_->addresses, history_, basics_->clock,
                 basics_->stop.get_token()),
        secrets_(*client_, basics_->clock),
        tokens_(MakeClientOf(config), basics_->clock, basics_->stop.get_token()),
        access_(secrets_, tokens_),
        ssh_refs_(SshOptions(config), network_->addresses, basics_->clock,
                  basics_->stop.get_token()),
        git_({config.allow_http}, network_->proxies, access_, refs_, ssh_refs_, mirrors_),
        caches_(config.namespaces, *client_, *client_, basics_->clock, *basics_->random,
                basics_->metrics),
        webhook_secrets_(secrets_, basics_->clock),
        reconciler_(LookOptions(config),
                    {[this](const kube::ObjectKey& key) { return caches_.Get(key); }, *client_,
                     *client_, *client_},
                    git_, basics_->clock, *basics_->random, basics_->metrics,
                    config.webhook_host.empty() ? WebhookParts{}
                                                : WebhookParts{&deliveries_, &webhook_secrets_}),
        controller_(
            WorkerOptions(config),
            [this](const kube::ObjectKey& key) { return reconciler_.Reconcile(key); },
            basics_->clock, *basics_->random, basics_->metrics),
        receiver_({[this](const kube::ObjectKey& key) { return caches_.Get(key); },
                   [this](const kube::ObjectKey& key) { controller_.Enqueue(key); }},
                  webhook_secrets_, deliveries_, basics_->clock, basics_->metrics),
        health_(basics_->metrics) {
    caches_.AddHandler(
        [this](const RepositoryCaches::Ptr& before, const RepositoryCaches::Ptr& after) {
          if (RepositoryReconciler::CallsForLook(before.get(), after.get())) {
            controller_.Enqueue((after ? after : before)->meta.Key());
          }
        });
    health_.AddReadinessCheck("observedrepositories", [this]() -> Status {
      if (caches_.Ready()) return {};
      return Fail(ErrorCode::kUnavailable, "not listed yet");
    });
  }

  ~RealApp() override { RealApp::Stop(); }

  Status StartAll(const Config& config) {
    http::ServerOptions options;
    options.address = config.http_host;
    options.port = config.http_port;
    auto server = http::Server::Start(
        options, [this](const http::Request& request) { return health_.Handle(request); });
    if (!server) return Fail(std::move(server.error()));
    server_ = std::move(*server);
    if (auto status = StartWebhooks(config); !status) return status;
    controller_.Start();
    caches_.Start();
    return {};
  }

  void Stop() override {
    basics_->stop.request_stop();
    if (webhook_server_) webhook_server_->Stop();
    webhook_secrets_.Stop();
    controller_.Stop();
    caches_.Stop();
    if (server_) server_->Stop();
  }

  std::uint16_t HttpPort() const override { return server_->Port(); }
  std::uint16_t WebhookPort() const override {
    return webhook_server_ ? webhook_server_->Port() : std::uint16_t{0};
  }

 private:
  Status StartWebhooks(const Config& config) {
    if (config.webhook_host.empty()) return {};
    http::ServerOptions options;
    options.address = config.webhook_host;
    options.port = config.webhook_port;
    options.body_bytes = kWebhookBodyBytes;
    options.max_connections_per_peer = kWebhookConnectionsPerPeer;
    options.threads = kWebhookThreads;
    auto server = http::Server::Start(
        options, [this](const http::Request& request) { return receiver_.Take(request); },
        [this](const http::Request& head) { return receiver_.Refuse(head); });
    if (!server) return Fail(std::move(server.error()));
    webhook_server_ = std::move(*server);
    return {};
  }

  HttpClientFactory MakeClientOf(const Config& config) {
    return [this, workers = config.workers, ca_file = config.ca_file](const std::string& endpoint,
                                                                      const std::string& ca_pem) {
      http::ClientOptions options;
      options.endpoint = endpoint;
      options.tls = TrustOf(ca_pem, ca_file);
      options.max_in_flight = workers;
      return http::MakeGuardedClient(std::move(options), network_, basics_->clock);
    };
  }

  const std::unique_ptr<Basics> basics_;
  const std::unique_ptr<kube::ApiClient> client_;
  const std::shared_ptr<http::Network> network_;
  const HistoryReader history_;
  HttpRefs refs_;
  const Mirrors mirrors_;
  KubeSecretSource secrets_;
  GithubTokens tokens_;
  AccessSource access_;
  SshRefs ssh_refs_;
  NetworkGitRemote git_;
  RepositoryCaches caches_;
  Deliveries deliveries_;
  WebhookSecrets webhook_secrets_;
  RepositoryReconciler reconciler_;
  kube::Controller controller_;
  WebhookReceiver receiver_;
  http::Health health_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> webhook_server_;  // Null when webhooks are not taken.
};

Status MakeDataDir(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return Fail(ErrorCode::kUnavailable,
              "the data folder " + path + " cannot be made: " + error.message());
}

}  // namespace

Result<std::unique_ptr<App>> App::Start(const Config& config) {
  if (auto status = MakeDataDir(config.data_dir); !status) return Fail(std::move(status.error()));
  const auto cluster =
      kube::LoadConfig({config.kubeconfig, config.context}, kube::ConfigSources::OfProcess());
  if (!cluster) return Fail(cluster.error());
  auto basics = std::make_unique<Basics>();
  auto client =
      kube::ApiClient::Make(*cluster, ClientOptions(config), basics->clock, basics->metrics);
  if (!client) return Fail(std::move(client.error()));
  auto app = std::make_unique<RealApp>(config, std::move(basics), std::move(*client));
  if (auto status = app->StartAll(config); !status) return Fail(std::move(status.error()));
  return app;
}

}  // namespace committest::observer

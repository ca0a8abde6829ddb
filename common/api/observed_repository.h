#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"
#include "common/api/condition.h"
#include "common/base/shared_value.h"
#include "common/kube/object.h"

namespace committest::api {

/// `observedrepositories.committest.dev/v1alpha1`. Every field is described in manifests/crds.
const kube::ResourceType& ObservedRepositoryType();

/// Which of the commits between the cursor and the tip get a CommitTest.
enum class CommitPolicy { kEveryCommit, kTipOnly };
std::string_view CommitPolicyName(CommitPolicy policy);

/// Which commits of a merge count.
enum class History { kFirstParent, kAll };
std::string_view HistoryName(History history);

/// What happens to the waiting and running tests of a ref when a newer commit of it appears.
enum class ConcurrencyPolicy {
  kQueue,        ///< Nothing: all of them run.
  kCancelOlder,  ///< They end as Cancelled, with the reason Superseded.
};
std::string_view ConcurrencyPolicyName(ConcurrencyPolicy policy);

/// Who sends webhooks, and hence how they are signed. Gitea stands for Forgejo as well.
enum class WebhookProvider { kGitHub, kGitLab, kGitea, kGeneric };
std::string_view WebhookProviderName(WebhookProvider provider);

/// `spec.webhook`: whose deliveries bring a look at once.
struct WebhookSpec {
  WebhookProvider provider = WebhookProvider::kGeneric;
  std::string secret_name;  ///< In the same namespace; `kWebhookSecretKey` is the key within.

  bool operator==(const WebhookSpec&) const = default;
};

/// The key of a webhook's Secret that holds what the host was told as well.
inline constexpr const char* kWebhookSecretKey = "webhook-secret";

/// `spec.concurrency`: how many tests of the repository run at the same time.
struct ConcurrencySpec {
  std::int64_t max = 5;
  ConcurrencyPolicy policy = ConcurrencyPolicy::kQueue;

  bool operator==(const ConcurrencySpec&) const = default;
};

/// `spec.retention`: how many finished CommitTests stay.
struct RetentionSpec {
  std::int64_t max_count = 200;
  /// So many of the newest Passed, and as many of the newest Failed, of each ref stay in any case.
  std::int64_t keep_last_per_ref = 1;

  bool operator==(const RetentionSpec&) const = default;
};

/// Whether `.committest.yaml` of a tested commit counts.
enum class ConfigFilePolicy { kUse, kIgnore };
std::string_view ConfigFilePolicyName(ConfigFilePolicy policy);

/// What of `template.execution` a `.committest.yaml` may set as it likes.
enum class ConfigOverride {
  kImage,
  kResources,
  kEnv,
  kTimeouts,
  kRuntimeClass,
  kNodeSelector,
  kTolerations,
};
std::string_view ConfigOverrideName(ConfigOverride what);

/// `spec.configFile`: what the repository may say about its own tests.
struct ConfigFileSpec {
  ConfigFilePolicy policy = ConfigFilePolicy::kUse;
  std::vector<ConfigOverride> allowed_overrides;

  bool operator==(const ConfigFileSpec&) const = default;
};

/// The name of that file, in the root of the repository.
inline constexpr const char* kConfigFileName = ".committest.yaml";

/// `spec.template`: what each CommitTest of the repository inherits.
struct CommitTestTemplate {
  TestsSpec tests;
  ExecutionSpec execution;
  RetrySpec retry;
  ShardingSpec sharding;
  std::int64_t ttl_seconds_after_finished = 604'800;

  bool operator==(const CommitTestTemplate&) const = default;
};

struct ObservedRepositorySpec {
  std::string url;
  /// Full ref names or globs ("refs/heads/release/*"); empty: the branch that HEAD points to.
  std::vector<std::string> refs;
  std::int64_t poll_period_seconds = 5;  ///< 1..86400
  /// 1..86400; in place of the one above while webhooks are seen healthy, unless it is shorter.
  std::int64_t poll_period_with_webhook_seconds = 300;
  std::optional<WebhookSpec> webhook;
  CommitPolicy commit_policy = CommitPolicy::kEveryCommit;
  History history = History::kFirstParent;
  std::int64_t max_backfill = 50;  ///< Commits per ref and look; older ones are counted as skipped.
  std::int64_t initial_commits = 1;  ///< Commits of a ref's history at first sight.
  /// The Secret with what the Git server wants, in the same namespace; empty: nothing.
  std::string credentials_secret_name;
  /// Globs: a commit that changes nothing that matches `paths` (empty: anything) and no glob of
  /// `paths_ignore` is Skipped.
  std::vector<std::string> paths;
  std::vector<std::string> paths_ignore;
  ConfigFileSpec config_file;
  bool suspend = false;
  ConcurrencySpec concurrency;
  RetentionSpec retention;
  SharedValue<CommitTestTemplate> template_;

  bool operator==(const ObservedRepositorySpec&) const = default;
};

/// `status.refs[]`: the cursor. It moves only after the CommitTests up to it exist.
struct RefStatus {
  std::string name;
  std::string last_seen_commit;
  std::string last_test_name;
  std::int64_t skipped_commits = 0;  ///< By maxBackfill, since the ref was first seen.

  bool operator==(const RefStatus&) const = default;
};

struct ObservedRepositoryStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  std::optional<WallTime> last_poll_time;  ///< Written with other changes, at most once a minute.
  std::vector<RefStatus> refs;             ///< At most `kMaxObservedRefs`, sorted by name.
  std::optional<WallTime> last_webhook_time;  ///< Of a delivery; written at most once a minute.
  std::int64_t missed_webhook_count = 0;      ///< Changes that polls found and no delivery told.
  std::string last_commit;                    ///< First 8 digits, for the printer column.
  // Written by the operator, at most once a minute:
  std::int64_t running = 0;  ///< CommitTests that have a slot.
  std::int64_t queued = 0;   ///< CommitTests that wait for one.

  bool operator==(const ObservedRepositoryStatus&) const = default;
};

inline constexpr std::size_t kMaxObservedRefs = 100;
inline constexpr std::int64_t kMaxKeepLastPerRef = 100;

struct ObservedRepository {
  kube::ObjectMeta meta;
  ObservedRepositorySpec spec;
  ObservedRepositoryStatus status;
  std::string parse_error;  ///< As in `CommitTest`.

  bool operator==(const ObservedRepository&) const = default;
};

/// Never fails: see `parse_error`. Fields that are absent get the CRD's defaults.
ObservedRepository ParseObservedRepository(const nlohmann::json& object);
nlohmann::json ToJson(const ObservedRepositoryStatus& status);
nlohmann::json ToJson(const ObservedRepositorySpec& spec);

/// Setting this annotation to a new value makes the observer look at once.
inline constexpr const char* kPollNowAnnotation = "committest.dev/poll-now";

}  // namespace committest::api

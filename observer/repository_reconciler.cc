#include "observer/repository_reconciler.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/reasons.h"
#include "common/base/log.h"
#include "common/kube/json_reader.h"
#include "observer/commit_facts.h"

namespace committest::observer {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookAgainSoon{200};
// Until a look is tried again that had to wait for others at its host; spread, so that they do not
// all come back at once.
constexpr milliseconds kGateWait{500};
// Often enough for somebody who has mended a Secret, and too seldom for a server to take it for an
// attack: they lock accounts out at ten refusals a minute and more.
constexpr milliseconds kSecretWait{60'000};
constexpr double kPeriodJitter = 0.1;
constexpr std::size_t kCommitDigits = 8;

// `error`, if it says that the host had nothing to say; a refusal is an answer, and what the observer
// itself failed in says nothing against the host.
std::optional<Error> Silence(const Error& error) {
  const bool is_silence =
      error.code == ErrorCode::kDeadlineExceeded || error.code == ErrorCode::kUnavailable;
  return is_silence ? std::optional(error) : std::nullopt;
}

std::string PollNow(const api::ObservedRepository& repository) {
  const auto it = repository.meta.annotations.find(api::kPollNowAnnotation);
  return it == repository.meta.annotations.end() ? "" : it->second;
}

std::vector<std::string> Unread(const std::vector<HistoryQuery>& questions,
                                const std::vector<HistoryAnswer>& answers) {
  std::vector<std::string> unread;
  for (const HistoryQuery& question : questions) {
    if (std::ranges::find(answers, question.ref, &HistoryAnswer::ref) == answers.end()) {
      unread.push_back(question.ref);
    }
  }
  return unread;
}

// Whether a changed Secret can mend it, of which no event tells.
bool IsAboutCredentials(const api::ObservedRepository& repository, const Error& error) {
  return !repository.spec.credentials_secret_name.empty() &&
         (error.code == ErrorCode::kUnauthenticated ||
          error.reason == api::reason::kCredentialsInvalid ||
          error.reason == api::reason::kCredentialsUnavailable);
}

// The first digits of the newest commit that a finished step has tested, or of the one before.
std::string LastCommit(const Plan& plan, const std::vector<std::string>& done,
                       const std::string& before) {
  const RefStep* newest = nullptr;
  for (const RefStep& step : plan.steps) {
    if (step.cursor.last_test_name.empty()) continue;
    if (std::ranges::find(done, step.ref) == done.end()) continue;
    if (newest == nullptr || step.tip_time > newest->tip_time) newest = &step;
  }
  return newest == nullptr ? before : newest->cursor.last_seen_commit.substr(0, kCommitDigits);
}

}  // namespace

// What is known of webhooks when a look begins.
struct RepositoryReconciler::Begin {
  Deliveries::Seen deliveries;
  WebhookFacts webhooks;
};

// What a look has found out.
struct RepositoryReconciler::Look {
  Plan plan;
  LookNotes notes;
  std::optional<Error> problem;  ///< Why some commits could not be looked into.
};

RepositoryReconciler::RepositoryReconciler(ReconcilerOptions options, Api api, GitRemote& remote,
                                           const Clock& clock, Random& random, Metrics& metrics,
                                           WebhookParts webhooks)
    : options_(options),
      api_(std::move(api)),
      remote_(remote),
      clock_(clock),
      random_(random),
      webhooks_(webhooks),
      metrics_(metrics),
      writes_(clock),
      gate_(options_.hosts) {}

bool RepositoryReconciler::CallsForLook(const api::ObservedRepository* before,
                                        const api::ObservedRepository* after) {
  if (before == nullptr || after == nullptr) return true;
  return before->meta.uid != after->meta.uid || before->meta.generation != after->meta.generation ||
         PollNow(*before) != PollNow(*after);
}

Result<kube::Outcome> RepositoryReconciler::Reconcile(const kube::ObjectKey& key) {
  RepositoryPtr repository = api_.cached(key);
  if (!repository) {
    ForgetRepository(key);
    return kube::Outcome{};
  }
  switch (writes_.CaughtUp(key, repository->meta.resource_version)) {
    case kube::Freshness::kCaughtUp:
      break;
    case kube::Freshness::kBehind:
      return kube::Outcome{kLookAgainSoon};
    case kube::Freshness::kReadLive: {
      auto live = ReadLive(key);
      if (!live) return Fail(std::move(live.error()));
      if (!*live) return kube::Outcome{};
      repository = std::move(*live);
      break;
    }
  }
  if (repository->meta.deletion_time) return kube::Outcome{};
  return ReconcilePresent(*repository);
}

Result<kube::Outcome> RepositoryReconciler::ReconcilePresent(
    const api::ObservedRepository& repository) {
  const auto patterns = ParseRefPatterns(repository.spec.refs);
  const auto url = git::CheckUrl(repository.spec.url, options_.url_policy);
  std::string invalid = repository.parse_error;
  if (invalid.empty() && !url) invalid = "spec." + url.error().message;
  if (invalid.empty() && !patterns) invalid = patterns.error().message;
  if (!invalid.empty() || repository.spec.suspend) {
    // Nothing to do until the spec changes, which comes as an event.
    ClearFailures(repository.meta.Key());
    auto status = invalid.empty() ? AfterSuspend(repository, clock_.Wall())
                                  : AfterInvalidSpec(repository, invalid, clock_.Wall());
    if (auto written = WriteStatus(repository, std::move(status)); !written) {
      return Fail(std::move(written.error()));
    }
    return kube::Outcome{};
  }
  auto admission = gate_.Begin(url->Origin(), StateOf(repository.meta.Key()));
  if (admission.failure) return HandleFailedLook(repository, *admission.failure);
  if (!admission.pass) return kube::Outcome{GateWait()};
  const Begin begin = BeginLook(repository);
  const MonotonicTime start = clock_.Monotonic();
  const auto look = GuardedLookAt(repository, *patterns, begin);
  const auto elapsed = clock_.Monotonic() - start;
  admission.pass->End(look ? std::nullopt : Silence(look.error()), elapsed);
  metrics_.Looked(elapsed, look ? !look->plan.steps.empty() : false,
                  look ? nullptr : &look.error());
  if (!look) return HandleFailedLook(repository, look.error());
  return Apply(repository, begin, *look);
}

RepositoryReconciler::Begin RepositoryReconciler::BeginLook(
    const api::ObservedRepository& repository) {
  Begin begin;
  if (!repository.spec.webhook) return begin;
  begin.webhooks.served = webhooks_.deliveries != nullptr && webhooks_.secrets != nullptr;
  if (!begin.webhooks.served) return begin;
  begin.deliveries = webhooks_.deliveries->Get(repository.meta.Key());
  begin.webhooks.by_delivery = begin.deliveries.is_open;
  begin.webhooks.delivered = begin.deliveries.newest;
  if (const auto usable = webhooks_.secrets->Refresh(repository); !usable) {
    begin.webhooks.secret_problem = usable.error().message;
  }
  return begin;
}

Result<RepositoryReconciler::Look> RepositoryReconciler::GuardedLookAt(
    const api::ObservedRepository& repository, const std::vector<RefPattern>& patterns,
    const Begin& begin) {
  try {
    return LookAt(repository, patterns, begin);
  } catch (const std::exception& e) {
    return Fail(ErrorCode::kInternal, std::string("unexpected: ") + e.what());
  }
}

Result<RepositoryReconciler::Look> RepositoryReconciler::LookAt(
    const api::ObservedRepository& repository, const std::vector<RefPattern>& patterns,
    const Begin& begin) {
  const auto& spec = repository.spec;
  const auto& cursor = repository.status.refs;
  const RemoteRepository where{repository.meta.Key(), spec.url, spec.credentials_secret_name};
  const auto remote = remote_.ListRefs(where, patterns);
  if (!remote) return Fail(remote.error());
  const SelectedRefs selected = SelectRefs(cursor, *remote);
  const auto questions = Questions(spec, cursor, selected.refs);
  std::vector<HistoryAnswer> answers;
  if (!questions.empty()) {
    auto history = remote_.History(where, questions);
    if (!history) return Fail(std::move(history.error()));
    answers = std::move(*history);
  }
  Look look;
  FactsByCommit facts;
  if (const auto about = DetailsQuestions(repository, answers); !about.empty()) {
    auto details = remote_.Details(where, about);
    if (!details && details.error().code == ErrorCode::kCancelled) return Fail(details.error());
    look.problem = details ? std::move(details->problem) : std::move(details.error());
    if (details) facts = FactsOf(spec, details->details);
  }
  look.plan =
      MakePlan(repository, selected.refs, answers, clock_.Wall(), facts,
               begin.webhooks.by_delivery ? api::TriggerType::kWebhook : api::TriggerType::kPoll);
  look.notes = {selected.refs.size(), selected.omitted, remote->refused,
                Unread(questions, answers)};
  return look;
}

Result<kube::Outcome> RepositoryReconciler::Apply(const api::ObservedRepository& repository,
                                                  const Begin& begin, const Look& look) {
  // Deleted while we looked: nobody wants its tests any more, and an event is on its way.
  const RepositoryPtr newest = api_.cached(repository.meta.Key());
  if (!newest || newest->meta.uid != repository.meta.uid) return kube::Outcome{};
  std::vector<std::string> done;
  std::optional<Error> failure;
  for (const RefStep& step : look.plan.steps) {
    auto created = CreateAll(repository, step);
    if (!created && created.error().code == ErrorCode::kCancelled) return Fail(created.error());
    if (!created) {
      if (!failure) failure = std::move(created.error());
      continue;
    }
    done.push_back(step.ref);
    metrics_.Found(step);
    log::Info("ref moved", {{"repository", repository.meta.Key().ToString()},
                            {"ref", step.ref},
                            {"commit", step.cursor.last_seen_commit},
                            {"relation", RelationName(step.relation)},
                            {"created", step.create.size()},
                            {"skipped", step.skipped},
                            {"skipReason", SkipReasonName(step.skip_reason)}});
  }
  auto status = AfterLook(repository, look.notes, clock_.Wall());
  status.refs = CursorsAfter(look.plan, done);
  status.last_commit = LastCommit(look.plan, done, repository.status.last_commit);
  if (look.problem) status = WithUnreadCommits(std::move(status), *look.problem, clock_.Wall());
  if (failure) status = WithCreateFailure(std::move(status), *failure, clock_.Wall());
  return Finish(repository, begin, look, std::move(status), failure);
}

Result<kube::Outcome> RepositoryReconciler::Finish(const api::ObservedRepository& repository,
                                                   const Begin& begin, const Look& look,
                                                   api::ObservedRepositoryStatus status,
                                                   const std::optional<Error>& failure) {
  const api::ObservedRepositoryStatus& before = repository.status;
  WebhookFacts facts = begin.webhooks;
  facts.now = clock_.Wall();
  // What this process finds at its first look, or a changed spec at its own, no delivery can have told
  // it.
  facts.found_first = !facts.by_delivery && begin.deliveries.has_looked &&
                      !look.plan.steps.empty() && !before.refs.empty() &&
                      before.observed_generation == repository.meta.generation;
  status = WithWebhook(repository.spec, before, std::move(status), facts);
  if (auto written = WriteStatus(repository, status); !written) {
    return Fail(std::move(written.error()));
  }
  if (IsMissed(before, status)) metrics_.Missed();
  if (failure) return BackOff(repository, *failure);
  if (look.problem) {
    log::Failure("commits could not be looked into", *look.problem,
                 {{"repository", repository.meta.Key().ToString()}});
    return BackOff(repository, *look.problem);
  }
  if (facts.served && repository.spec.webhook) {
    webhooks_.deliveries->Settle(repository.meta.Key(), begin.deliveries);
  }
  ClearFailures(repository.meta.Key());
  return kube::Outcome{Jittered(PollPeriod(repository.spec, status, facts.by_delivery))};
}

Status RepositoryReconciler::Create(const api::CommitTest& test) {
  const auto created =
      api_.writer.Create(api::CommitTestType(), api::MakeCommitTest(test.meta, test.spec));
  if (created) {
    metrics_.Created();
  } else if (created.error().code != ErrorCode::kAlreadyExists) {
    return Fail(Context(test.meta.name, created.error()));
  }
  return {};
}

Status RepositoryReconciler::CreateAll(const api::ObservedRepository& repository,
                                       const RefStep& step) {
  for (const api::CommitTest& test : step.create) {
    auto created = Create(test);
    // A stranger's file must not be able to hold up the repository.
    if (!created && created.error().code == ErrorCode::kInvalidArgument) {
      const auto instead = InsteadOfRefused(repository, test, created.error().message);
      if (instead) created = Create(*instead);
    }
    if (!created) return created;
  }
  return {};
}

Result<kube::Outcome> RepositoryReconciler::HandleFailedLook(
    const api::ObservedRepository& repository, const Error& error) {
  // We are stopping; that is no fault of the repository.
  if (error.code == ErrorCode::kCancelled) return Fail(error);
  log::Failure("look failed", error,
               {{"repository", repository.meta.Key().ToString()}, {"url", repository.spec.url}});
  auto written = WriteStatus(repository, AfterFailedLook(repository, error, clock_.Wall()));
  if (!written) return Fail(std::move(written.error()));
  return BackOff(repository, error);
}

Status RepositoryReconciler::WriteStatus(const api::ObservedRepository& repository,
                                         api::ObservedRepositoryStatus status) {
  if (status == repository.status) return {};
  const nlohmann::json before = api::ToJson(repository.status);
  if (kube::MergePatch(before, api::ToJson(status)).empty()) return {};
  status.last_poll_time = clock_.Wall();
  auto written = api_.status_writer.PatchStatus(api::ObservedRepositoryType(), repository.meta,
                                                kube::MergePatch(before, api::ToJson(status)));
  if (written) {
    if (const auto meta = kube::ParseObjectMeta(*written)) {
      writes_.Record(meta->Key(), meta->resource_version);
    }
    return {};
  }
  Error error = std::move(written.error());
  // Deleted in the meantime: the event is on its way.
  if (error.code == ErrorCode::kNotFound) return {};
  // A status that the API refuses is our bug; looks must go on all the same.
  if (error.code == ErrorCode::kInvalidArgument) error.code = ErrorCode::kInternal;
  return Fail(Context("cannot write the status", std::move(error)));
}

Result<RepositoryReconciler::RepositoryPtr> RepositoryReconciler::ReadLive(
    const kube::ObjectKey& key) {
  auto object = api_.reader.Get(api::ObservedRepositoryType(), key);
  if (!object && object.error().code == ErrorCode::kNotFound) {
    writes_.Forget(key);
    return RepositoryPtr{};
  }
  if (!object) return Fail(Context("cannot read the repository", std::move(object.error())));
  auto repository =
      std::make_shared<const api::ObservedRepository>(api::ParseObservedRepository(*object));
  writes_.Record(key, repository->meta.resource_version);
  return repository;
}

void RepositoryReconciler::ForgetRepository(const kube::ObjectKey& key) {
  remote_.Forget(key);
  writes_.Forget(key);
  ClearFailures(key);
  if (webhooks_.deliveries != nullptr) webhooks_.deliveries->Forget(key);
  if (webhooks_.secrets != nullptr) webhooks_.secrets->Forget(key);
}

milliseconds RepositoryReconciler::Jittered(std::chrono::seconds period) {
  const double factor = 1.0 - kPeriodJitter + 2.0 * kPeriodJitter * random_.Fraction();
  return std::chrono::duration_cast<milliseconds>(period * factor);
}

milliseconds RepositoryReconciler::GateWait() {
  return std::chrono::duration_cast<milliseconds>(kGateWait * (1.0 + random_.Fraction()));
}

kube::Outcome RepositoryReconciler::BackOff(const api::ObservedRepository& repository,
                                            const Error& error) {
  int failures = 0;
  {
    MutexLock lock(mutex_);
    failures = ++failures_[repository.meta.Key()];
  }
  milliseconds delay = BackoffDelay(options_.backoff, failures, random_);
  if (IsAboutCredentials(repository, error)) delay = std::min(delay, kSecretWait);
  delay = std::max(delay, Jittered(std::chrono::seconds(repository.spec.poll_period_seconds)));
  if (error.retry_after) {
    delay = std::max(delay, std::min(*error.retry_after, 2 * options_.backoff.maximum));
  }
  return kube::Outcome{delay};
}

RepositoryState RepositoryReconciler::StateOf(const kube::ObjectKey& key) const {
  MutexLock lock(mutex_);
  return failures_.contains(key) ? RepositoryState::kSick : RepositoryState::kWell;
}

void RepositoryReconciler::ClearFailures(const kube::ObjectKey& key) {
  MutexLock lock(mutex_);
  failures_.erase(key);
}

}  // namespace committest::observer

#include "tests/simulation/world.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "common/api/commit_test_status.h"
#include "common/api/exit_codes.h"
#include "common/api/names.h"
#include "common/api/reasons.h"
#include "common/kube/json_reader.h"
#include "operator/watches.h"

namespace committest::sim {
namespace {

using kube::ObjectKey;
using nlohmann::json;

constexpr std::array<const char*, 3> kKinds{"committests", "jobs", "pods"};
constexpr auto kPatience = std::chrono::hours(12);

// Actors of the scheduler.
constexpr int kDeliverFirst = 0;  // One for each kind.
constexpr int kReconcile = 3;
constexpr int kJobController = 4;
constexpr int kGarbage = 5;
constexpr int kActors = 7;  // The last one is the kubelet.

const std::set<std::string>& KnownReasons() {
  static const std::set<std::string> kReasons{
      api::reason::kTestsPassed,     api::reason::kTestsFailed,
      api::reason::kNoTestsFound,    api::reason::kReportInvalid,
      api::reason::kCheckoutFailed,  api::reason::kCommitGone,
      api::reason::kTimedOut,        api::reason::kOutOfMemory,
      api::reason::kImagePullFailed, api::reason::kStartTimeout,
      api::reason::kUnschedulable,   api::reason::kConfigurationError,
      api::reason::kNameConflict,    api::reason::kInfrastructureRetriesExhausted,
      api::reason::kCancelled,       api::reason::kJobDeleted,
      api::reason::kPodLost,         api::reason::kDisrupted,
      api::reason::kResultLost,      api::reason::kDeadlineExceeded,
      api::reason::kSkipRequested,   api::reason::kPathsUnaffected,
      api::reason::kSetupFailed};
  return kReasons;
}

template <typename T>
std::unique_ptr<kube::WatcherSink> SinkOf(kube::Store<T>& store, kube::ParseFn<T> parse) {
  return std::make_unique<kube::StoreSink<T>>("model", store, std::move(parse));
}

}  // namespace

RunPlan TestsPlan(std::int64_t passed, std::int64_t failed) {
  api::RunSummary summary;
  summary.framework = "Unittest";
  summary.counts.total = passed + failed;
  summary.counts.passed = passed;
  summary.counts.failed = failed;
  const auto code = failed > 0 ? api::RunnerExit::kTestsFailed : api::RunnerExit::kPassed;
  return {static_cast<int>(code), api::EncodeSummary(summary), {}};
}

void CountingEvents::Record(const kube::ObjectReference& /*about*/, kube::EventType /*type*/,
                            std::string_view reason, std::string_view /*note*/,
                            std::string_view /*action*/) {
  ++by_reason[std::string(reason)];
  ++total;
}

OperatorProcess::OperatorProcess(ModelServer& server, const Clock& clock, Random& random,
                                 CountingEvents& events, ModelClient::FaultPlan plan)
    : server_(server),
      client_(server, std::move(plan)),
      caches_({""}),
      slots_(caches_, kMaxRunning, clock),
      writes_(clock),
      operator_metrics_(metrics_),
      gatherer_(caches_, slots_, client_, client_, writes_, clock, op::RunnerDefaults(),
                op::Policy{op::kMinJobTtl}),
      applier_(client_, client_, events, writes_, operator_metrics_, clock),
      reconciler_(gatherer_, slots_, applier_, client_),
      controller_(
          {.name = "committest"},
          [this](const ObjectKey& key) { return reconciler_.Reconcile(key); }, clock, random,
          metrics_) {
  op::EnqueueChanges(caches_, controller_);
  slots_.OnTurn([this](const ObjectKey& key) { controller_.Enqueue(key); });
  op::Caches& caches = *caches_.Find("");
  feeds_["committests"].sink =
      SinkOf(caches.commit_tests, kube::ParseFn<api::CommitTest>(op::ParseForCache));
  feeds_["jobs"].sink = SinkOf(caches.jobs, kube::ParseFn<op::JobView>(op::ParseJobView));
  feeds_["pods"].sink = SinkOf(caches.pods, kube::ParseFn<op::PodView>(op::ParsePodView));
  for (const char* plural : {"jobs", "pods", "committests"}) Relist(plural);
}

void OperatorProcess::Relist(const std::string& plural) {
  Feed& feed = feeds_.at(plural);
  for (json& object : server_.List(plural)) feed.sink->Stage(std::move(object));
  feed.sink->CommitStaged();
  feed.position = server_.Log().size();
  feed.silent = false;
}

bool OperatorProcess::Deliver(const std::string& plural) {
  Feed& feed = feeds_.at(plural);
  while (!feed.silent && feed.position < server_.Log().size()) {
    const ModelEvent& event = server_.Log()[feed.position++];
    if (event.plural != plural) continue;
    if (event.deleted) {
      feed.sink->Remove(json(event.object));
    } else {
      feed.sink->Upsert(json(event.object));
    }
    return true;
  }
  return false;
}

World::World(std::uint64_t seed)
    : server(clock),
      cluster(server, clock,
              [this](const std::string& commit, std::optional<std::int64_t> index) {
                return index ? PlanOfShard(commit, *index) : PlanOf(commit);
              }),
      random_(MakeSeededRandom(seed)) {
  server.on_status_change = [this](const json& before, const json& after) {
    CheckStatusChange(before, after);
  };
}

RunPlan World::PlanOf(const std::string& commit) const {
  const auto it = plans_.find(commit);
  if (it == plans_.end()) return {};
  RunPlan plan = it->second;
  // The runner names the commit that it has checked out.
  if (auto summary = api::ParseSummary(plan.termination_message)) {
    summary->commit = commit;
    plan.termination_message = api::EncodeSummary(*summary);
  }
  return plan;
}

RunPlan World::PlanOfShard(const std::string& commit, std::int64_t index) const {
  const std::int64_t count = shards_.at(commit);
  RunPlan plan = PlanOf(commit);
  if (index + 1 < count) plan = TestsPlan(3, 0);
  if (auto summary = api::ParseSummary(plan.termination_message)) {
    summary->commit = commit;
    summary->shard = api::ShardReport{index, count, "0123456789abcdef", 1, count};
    summary->timings = {{"0000000" + std::to_string(index), 10 * (index + 1)}};
    plan.termination_message = api::EncodeSummary(*summary);
  }
  return plan;
}

std::string World::Add(const RunPlan& plan, std::int64_t infrastructure_limit,
                       std::optional<api::NotRun> not_run, std::int64_t shards) {
  const std::string number = std::to_string(++added_);
  api::CommitTestSpec spec;
  spec.repository_name = "app";
  spec.source.url = "https://git.example/app.git";
  spec.source.commit = std::string(40 - number.size(), 'a') + number;
  spec.source.ref = "refs/heads/main";
  spec.retry.infrastructure_limit = infrastructure_limit;
  spec.not_run = std::move(not_run);
  spec.sharding.count = shards;
  plans_[spec.source.commit] = plan;
  shards_[spec.source.commit] = shards;
  kube::ObjectMeta meta;
  meta.namespace_ = "ci";
  meta.name = "test-" + number;
  static_cast<void>(server.Create(api::CommitTestType(), api::MakeCommitTest(meta, spec)));
  return meta.name;
}

void World::StartOperator(ModelClient::FaultPlan plan) {
  operator_ = std::make_unique<OperatorProcess>(server, clock, *random_, events, std::move(plan));
}

bool World::StepActor(int actor) {
  if (actor < kReconcile) {
    return !operator_->Dead() &&
           operator_->Deliver(kKinds.at(static_cast<std::size_t>(actor - kDeliverFirst)));
  }
  if (actor == kReconcile) return !operator_->Dead() && operator_->ReconcileOne();
  if (actor == kGarbage) return server.CollectGarbage();
  const bool jobs = actor == kJobController;
  const std::vector<ObjectKey> keys = server.Keys(jobs ? "jobs" : "pods");
  // From a random place on, so that no object is preferred.
  const std::size_t start = keys.empty() ? 0 : random_->Next() % keys.size();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const ObjectKey& key = keys[(start + i) % keys.size()];
    if (!(jobs ? cluster.StepJobController(key) : cluster.StepPod(key))) continue;
    CheckLimit();
    return true;
  }
  return false;
}

bool World::StepAnything(const std::vector<int>& order) {
  return std::ranges::any_of(order, [this](int actor) { return StepActor(actor); });
}

void World::MoveTime() {
  const auto due = operator_->Dead() ? std::nullopt : operator_->NextDue();
  const MonotonicTime soon = clock.Monotonic() + std::chrono::seconds(5);
  clock.AdvanceTo(due && *due < soon ? std::max(*due, clock.Monotonic()) : soon);
}

bool World::RunInOrder(const std::function<bool()>& until) {
  std::vector<int> order(kActors);
  std::iota(order.begin(), order.end(), 0);
  const MonotonicTime end = clock.Monotonic() + kPatience;
  while (clock.Monotonic() < end) {
    if (until && until()) return true;
    if (StepAnything(order)) continue;
    if (AllTerminal() && !operator_->NextDue()) return true;
    MoveTime();
  }
  return false;
}

bool World::RunShuffled(const std::function<void()>& disturb) {
  const MonotonicTime end = clock.Monotonic() + kPatience;
  while (clock.Monotonic() < end) {
    disturb();
    std::vector<int> order(kActors);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[random_->Next() % i]);
    if (StepAnything(order)) {
      clock.Advance(std::chrono::milliseconds(Dice(60)));
      continue;
    }
    if (AllTerminal() && !operator_->NextDue()) return true;
    MoveTime();
  }
  return false;
}

api::CommitTest World::CommitTestNamed(const std::string& name) const {
  const json* object = server.Find("committests", KeyOf(name));
  return object == nullptr ? api::CommitTest() : api::ParseCommitTest(*object);
}

std::string World::ResultOf(const std::string& name) const {
  const auto result = CommitTestNamed(name).status.result;
  return result ? std::string(api::TestResultName(*result)) : std::string();
}

std::string World::ReasonOf(const std::string& name) const {
  return CommitTestNamed(name).status.display.reason;
}

bool World::AllTerminal() const {
  return std::ranges::all_of(server.Keys("committests"), [this](const ObjectKey& key) {
    return kube::ObjectAt(*server.Find("committests", key), "status").contains("result");
  });
}

std::optional<ObjectKey> World::Pick(const std::string& plural) {
  const std::vector<ObjectKey> keys = server.Keys(plural);
  if (keys.empty()) return std::nullopt;
  return keys[random_->Next() % keys.size()];
}

void World::CheckStatusChange(const json& before, const json& after) {
  const api::CommitTest old = api::ParseCommitTest(before);
  const api::CommitTest next = api::ParseCommitTest(after);
  if (old.status.result)
    violations_.push_back("I4 latch: " + old.meta.name + " changed after its end");
  if (next.status.observed_generation < old.status.observed_generation) {
    violations_.push_back("I4 latch: observedGeneration of " + old.meta.name + " went back");
  }
  if (old.status.start_time && next.status.start_time != old.status.start_time) {
    violations_.push_back("I4 latch: startTime of " + old.meta.name + " changed");
  }
  for (std::size_t i = 0; i < std::min(old.status.attempts.size(), next.status.attempts.size());
       ++i) {
    const api::Attempt& was = old.status.attempts[i];
    const api::Attempt& is = next.status.attempts[i];
    if (was.number == is.number && was.job_uid != is.job_uid) {
      violations_.push_back("I2 no duplicate: an attempt of " + old.meta.name + " changed its Job");
    }
    if (was.number == is.number && was.outcome && !(was == is)) {
      violations_.push_back("I4 latch: an ended attempt of " + old.meta.name + " changed");
    }
  }
}

void World::CheckVerdict(const api::CommitTest& commit_test) {
  const std::string& name = commit_test.meta.name;
  const auto& status = commit_test.status;
  if (!status.result) {
    violations_.push_back("I1 nothing lost: " + name + " has no verdict");
    return;
  }
  if (commit_test.spec.not_run && !status.attempts.empty()) {
    violations_.push_back("I3 verdict: " + name + " was run, and was not to be");
  }
  const RunPlan plan = PlanOf(commit_test.spec.source.commit);
  const bool is_red = plan.exit_code == static_cast<int>(api::RunnerExit::kTestsFailed) ||
                      plan.termination_reason == "OOMKilled";
  if (*status.result == api::TestResult::kPassed && plan.exit_code != 0) {
    violations_.push_back("I3 verdict: " + name + " is a false green");
  }
  if (*status.result == api::TestResult::kFailed && !is_red) {
    violations_.push_back("I3 verdict: " + name + " is a false red, " + status.display.reason);
  }
  if (!KnownReasons().contains(status.display.reason)) {
    violations_.push_back("I3 verdict: unknown reason " + status.display.reason);
  }
}

void World::CheckStarts() {
  if (taken_away) return;
  for (const auto& [run, count] : cluster.Starts()) {
    if (count > 1) {
      violations_.push_back("I2 no duplicate: attempt " + run.second + " of " + run.first +
                            " was started " + std::to_string(count) + " times");
    }
  }
}

/// A Pod that was taken away may still run beside its successor; nobody could count that.
void World::CheckLimit() {
  if (taken_away) return;
  std::set<std::string> running;
  for (const json& object : server.List("pods")) {
    const op::PodView pod = op::ParsePodView(object);
    const auto label = pod.meta.labels.find(api::kCommitTestLabel);
    if (pod.Running() == nullptr || label == pod.meta.labels.end()) continue;
    if (!CommitTestNamed(label->second).status.result) running.insert(label->second);
  }
  if (running.size() > static_cast<std::size_t>(kMaxRunning)) {
    violations_.push_back("limit: " + std::to_string(running.size()) +
                          " CommitTests run at a time");
  }
}

void World::CheckNoLeftovers() {
  for (const json& object : server.List("jobs")) {
    const op::JobView job = op::ParseJobView(object);
    violations_.push_back("I5 no leak: Job " + job.meta.name + " is still there");
  }
}

void World::CheckSilence() {
  const int writes = operator_->Client().Writes();
  const int told = events.total;
  const MonotonicTime end = clock.Monotonic() + std::chrono::minutes(20);
  std::vector<int> order(kActors);
  std::iota(order.begin(), order.end(), 0);
  while (clock.Monotonic() < end) {
    for (const char* plural : kKinds) operator_->Relist(plural);
    if (!StepAnything(order)) clock.Advance(std::chrono::seconds(100));
  }
  if (operator_->Client().Writes() != writes || events.total != told) {
    violations_.push_back(
        "I9 quiescence: " + std::to_string(operator_->Client().Writes() - writes) +
        " writes though nothing happened");
  }
}

void World::CheckSettled() {
  for (const json& object : server.List("committests")) CheckVerdict(api::ParseCommitTest(object));
  CheckStarts();
  CheckNoLeftovers();
  CheckSilence();
}

}  // namespace committest::sim

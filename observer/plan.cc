#include "observer/plan.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "common/api/names.h"
#include "common/base/strings.h"

namespace committest::observer {
namespace {

// An entry without a commit says nothing, so the ref counts as never seen.
const api::RefStatus* FindCursor(const std::vector<api::RefStatus>& cursor, std::string_view ref) {
  const auto it = std::ranges::find_if(cursor, [&](const api::RefStatus& entry) {
    return entry.name == ref && !entry.last_seen_commit.empty();
  });
  return it == cursor.end() ? nullptr : &*it;
}

// How many of a ref's newest commits get a CommitTest.
std::int64_t Limit(const api::ObservedRepositorySpec& spec, bool is_first_sight) {
  const std::int64_t wanted = is_first_sight ? spec.initial_commits : spec.max_backfill;
  return spec.commit_policy == api::CommitPolicy::kTipOnly ? std::min<std::int64_t>(wanted, 1)
                                                           : wanted;
}

SkipReason ReasonOf(const api::ObservedRepositorySpec& spec, Relation relation) {
  if (relation == Relation::kNotACommit) return SkipReason::kNotACommit;
  if (relation == Relation::kInitial) return SkipReason::kInitialCommits;
  return spec.commit_policy == api::CommitPolicy::kTipOnly ? SkipReason::kTipOnly
                                                           : SkipReason::kMaxBackfill;
}

bool NeedsDetails(const api::ObservedRepositorySpec& spec) {
  return !spec.paths.empty() || !spec.paths_ignore.empty() ||
         spec.config_file.policy == api::ConfigFilePolicy::kUse;
}

// The commits of an answer that may get a CommitTest, oldest first.
std::span<const Commit> Chosen(const api::ObservedRepositorySpec& spec, const HistoryAnswer& answer,
                               bool is_first_sight) {
  const auto limit = static_cast<std::size_t>(Limit(spec, is_first_sight));
  const std::span<const Commit> commits(answer.commits);
  return commits.last(std::min(limit, commits.size()));
}

std::string TestName(const api::ObservedRepository& repository, const Commit& commit,
                     const CommitFacts& facts) {
  return api::CommitTestName(repository.meta.name, commit.id, facts.tests, facts.execution,
                             facts.refused_file);
}

api::CommitTest MakeTest(const api::ObservedRepository& repository, const std::string& ref,
                         const Commit& commit, const CommitFacts& facts,
                         const api::Trigger& trigger) {
  const api::CommitTestTemplate& shared = *repository.spec.template_;
  const std::string& name = repository.meta.name;
  api::CommitTest test;
  test.meta.namespace_ = repository.meta.namespace_;
  test.meta.name = TestName(repository, commit, facts);
  test.meta.labels[api::kRepositoryLabel] = api::LabelValue(name);
  test.meta.labels[api::kBranchLabel] = api::LabelValue(api::ShortRef(ref));
  test.meta.annotations[api::kRefAnnotation] = ref;
  test.spec.repository_name = name;
  test.spec.source = {repository.spec.url, commit.id, ref, commit.author, commit.subject};
  test.spec.credentials_secret_name = repository.spec.credentials_secret_name;
  test.spec.trigger = trigger;
  test.spec.tests = facts.tests;
  test.spec.execution = facts.execution;
  test.spec.not_run = facts.not_run;
  test.spec.retry = shared.retry;
  test.spec.sharding = shared.sharding;
  test.spec.ttl_seconds_after_finished = shared.ttl_seconds_after_finished;
  return test;
}

api::NotRun NotRunBecause(api::NotRunReason reason, std::string_view message) {
  return {reason, Truncate(Redact(OneLine(message)), api::kMaxNotRunMessageBytes)};
}

// Builds the steps of one plan; remembers which CommitTests the plan holds already, and which were
// made by earlier ones.
class StepBuilder {
 public:
  StepBuilder(const api::ObservedRepository& repository, WallTime now, const FactsByCommit& facts,
              api::TriggerType trigger)
      : repository_(repository), now_(now), facts_(facts), trigger_(trigger) {
    for (const api::RefStatus& entry : repository.status.refs) made_.insert(entry.last_test_name);
  }

  // Nothing if facts are missing.
  std::optional<RefStep> Build(const HistoryAnswer& answer) {
    RefStep step;
    step.ref = answer.ref;
    step.relation = answer.relation;
    step.cursor.name = answer.ref;
    step.cursor.last_seen_commit = answer.to;
    const api::RefStatus* before = FindCursor(repository_.status.refs, answer.ref);
    if (before != nullptr) step.cursor.skipped_commits = before->skipped_commits;
    if (!AddTests(answer, before == nullptr, step)) return std::nullopt;
    step.skipped += answer.omitted;
    if (step.skipped > 0) step.skip_reason = ReasonOf(repository_.spec, answer.relation);
    if (step.skip_reason == SkipReason::kMaxBackfill) step.cursor.skipped_commits += step.skipped;
    return step;
  }

 private:
  bool AddTests(const HistoryAnswer& answer, bool is_first_sight, RefStep& step) {
    if (answer.commits.empty()) {
      step.skipped = answer.relation == Relation::kNotACommit ? 1 : 0;
      return true;
    }
    step.tip_time = answer.commits.back().time;
    const auto chosen = Chosen(repository_.spec, answer, is_first_sight);
    step.skipped = static_cast<std::int64_t>(answer.commits.size() - chosen.size());
    if (chosen.empty()) return true;
    std::vector<CommitFacts> facts;
    for (const Commit& commit : chosen) {
      auto known = FactsAbout(commit);
      if (!known) return false;
      facts.push_back(std::move(*known));
    }
    step.cursor.last_test_name = TestName(repository_, chosen.back(), facts.back());
    // The ref of the cursor that names it has brought what is before the tip, too.
    if (is_first_sight && made_.contains(step.cursor.last_test_name)) return true;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      // The API's creation times have whole seconds; these order the commits of one look.
      const WallTime detected = now_ + std::chrono::microseconds(planned_.size());
      api::CommitTest test =
          MakeTest(repository_, answer.ref, chosen[i], facts[i], {trigger_, detected});
      if (made_.contains(test.meta.name)) continue;
      if (planned_.insert(test.meta.name).second) step.create.push_back(std::move(test));
    }
    return true;
  }

  std::optional<CommitFacts> FactsAbout(const Commit& commit) const {
    const api::CommitTestTemplate& shared = *repository_.spec.template_;
    if (!commit.skip_request.empty()) {
      return CommitFacts{shared.tests,
                         shared.execution,
                         NotRunBecause(api::NotRunReason::kSkipRequested,
                                       "the commit message holds " + commit.skip_request),
                         {}};
    }
    if (!NeedsDetails(repository_.spec)) {
      return CommitFacts{shared.tests, shared.execution, std::nullopt, {}};
    }
    const auto known = facts_.find(commit.id);
    if (known == facts_.end()) return std::nullopt;
    return known->second;
  }

  const api::ObservedRepository& repository_;
  const WallTime now_;
  const FactsByCommit& facts_;
  const api::TriggerType trigger_;
  std::set<std::string> made_;  // Named by the cursors, whether they still exist or not.
  std::set<std::string> planned_;
};

}  // namespace

std::string_view RelationName(Relation relation) {
  switch (relation) {
    case Relation::kInitial:
      return "Initial";
    case Relation::kAdvanced:
      return "Advanced";
    case Relation::kRewritten:
      return "Rewritten";
    case Relation::kRewound:
      return "Rewound";
    case Relation::kUnrelated:
      return "Unrelated";
    case Relation::kCursorMissing:
      return "CursorMissing";
    case Relation::kNotACommit:
      return "NotACommit";
  }
  return "Initial";
}

std::string_view SkipReasonName(SkipReason reason) {
  switch (reason) {
    case SkipReason::kNone:
      return "None";
    case SkipReason::kMaxBackfill:
      return "MaxBackfill";
    case SkipReason::kTipOnly:
      return "TipOnly";
    case SkipReason::kInitialCommits:
      return "InitialCommits";
    case SkipReason::kNotACommit:
      return "NotACommit";
  }
  return "None";
}

SelectedRefs SelectRefs(const std::vector<api::RefStatus>& cursor, const RemoteRefs& remote) {
  SelectedRefs selected;
  selected.refs = remote.refs;
  if (selected.refs.size() > api::kMaxObservedRefs) {
    std::set<std::string_view> known;
    for (const api::RefStatus& entry : cursor) known.insert(entry.name);
    std::ranges::sort(selected.refs, {}, [&](const RemoteRef& ref) {
      return std::pair(!known.contains(ref.name), std::string_view(ref.name));
    });
    selected.omitted = selected.refs.size() - api::kMaxObservedRefs;
    selected.refs.resize(api::kMaxObservedRefs);
  }
  std::ranges::sort(selected.refs, {}, &RemoteRef::name);
  return selected;
}

std::vector<HistoryQuery> Questions(const api::ObservedRepositorySpec& spec,
                                    const std::vector<api::RefStatus>& cursor,
                                    const std::vector<RemoteRef>& selected) {
  std::vector<HistoryQuery> questions;
  for (const RemoteRef& ref : selected) {
    const api::RefStatus* before = FindCursor(cursor, ref.name);
    if (before != nullptr && before->last_seen_commit == ref.commit) continue;
    HistoryQuery query;
    query.ref = ref.name;
    query.from = before == nullptr ? "" : before->last_seen_commit;
    query.to = ref.commit;
    query.mode = spec.history;
    // Also without any CommitTest to create, the tip must be known to be a commit.
    query.limit = std::max<std::int64_t>(1, Limit(spec, before == nullptr));
    questions.push_back(std::move(query));
  }
  return questions;
}

std::vector<DetailsQuery> DetailsQuestions(const api::ObservedRepository& repository,
                                           const std::vector<HistoryAnswer>& answers) {
  const api::ObservedRepositorySpec& spec = repository.spec;
  if (!NeedsDetails(spec)) return {};
  const bool wants_config = spec.config_file.policy == api::ConfigFilePolicy::kUse;
  const PathFilter filter = FilterOf(spec);
  std::set<std::string_view> asked;
  std::vector<DetailsQuery> questions;
  for (const HistoryAnswer& answer : answers) {
    const api::RefStatus* before = FindCursor(repository.status.refs, answer.ref);
    const bool stands_for_more =
        spec.commit_policy == api::CommitPolicy::kTipOnly && before != nullptr &&
        (answer.relation == Relation::kAdvanced || answer.relation == Relation::kRewritten);
    for (const Commit& commit : Chosen(spec, answer, before == nullptr)) {
      if (!commit.skip_request.empty() || !asked.insert(commit.id).second) continue;
      questions.push_back({commit.id, answer.ref, stands_for_more ? before->last_seen_commit : "",
                           filter, wants_config});
    }
  }
  return questions;
}

std::optional<api::CommitTest> InsteadOfRefused(const api::ObservedRepository& repository,
                                                const api::CommitTest& test,
                                                const std::string& message) {
  const api::CommitTestTemplate& shared = *repository.spec.template_;
  if (test.spec.tests == shared.tests && test.spec.execution == shared.execution) {
    return std::nullopt;
  }
  api::CommitTest instead = test;
  instead.meta.name = api::CommitTestName(repository.meta.name, test.spec.source.commit,
                                          shared.tests, shared.execution, test.meta.name);
  instead.spec.tests = shared.tests;
  instead.spec.execution = shared.execution;
  instead.spec.not_run = NotRunBecause(
      api::NotRunReason::kConfigurationError,
      std::string(api::kConfigFileName) + ": the API server refuses what it says: " + message);
  return instead;
}

Plan MakePlan(const api::ObservedRepository& repository, const std::vector<RemoteRef>& selected,
              const std::vector<HistoryAnswer>& answers, WallTime now, const FactsByCommit& facts,
              api::TriggerType trigger) {
  std::map<std::string_view, const HistoryAnswer*> by_ref;
  for (const HistoryAnswer& answer : answers) by_ref[answer.ref] = &answer;
  StepBuilder builder(repository, now, facts, trigger);
  Plan plan;
  for (const RemoteRef& ref : selected) {
    const api::RefStatus* before = FindCursor(repository.status.refs, ref.name);
    if (before != nullptr) plan.kept.push_back(*before);
    if (before != nullptr && before->last_seen_commit == ref.commit) continue;
    const auto it = by_ref.find(ref.name);
    // An answer to another question than today's is none.
    if (it == by_ref.end() || it->second->to != ref.commit) continue;
    if (auto step = builder.Build(*it->second)) plan.steps.push_back(std::move(*step));
  }
  return plan;
}

std::vector<api::RefStatus> CursorsAfter(const Plan& plan, const std::vector<std::string>& done) {
  std::map<std::string, api::RefStatus> cursors;
  for (const api::RefStatus& entry : plan.kept) cursors[entry.name] = entry;
  for (const RefStep& step : plan.steps) {
    if (std::ranges::find(done, step.ref) != done.end()) cursors[step.ref] = step.cursor;
  }
  std::vector<api::RefStatus> result;
  result.reserve(cursors.size());
  for (auto& [name, entry] : cursors) result.push_back(std::move(entry));
  return result;
}

}  // namespace committest::observer

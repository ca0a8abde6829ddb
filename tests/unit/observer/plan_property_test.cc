#include <algorithm>
#include <map>
#include <rapidcheck.h>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "observer/plan.h"

namespace committest::observer {
namespace {

// A model of a remote repository: each ref is a line of numbered commits that only grows, or is
// replaced by another line (a force push), or vanishes.
struct Line {
  std::vector<std::string> commits;
};
using Remote = std::map<std::string, Line>;

// The number comes first, because names hold only the first digits of a commit.
std::string CommitId(int number) {
  std::string id = std::to_string(100'000 + number);
  return id.append(40 - id.size(), 'c');
}

// Answers like the real history: everything after the cursor, or, if the cursor is not on the line,
// everything as rewritten; at most `limit`.
HistoryAnswer AnswerOf(const Remote& remote, const HistoryQuery& query) {
  const auto& line = remote.at(query.ref).commits;
  const auto cursor = std::ranges::find(line, query.from);
  HistoryAnswer answer;
  answer.ref = query.ref;
  answer.to = query.to;
  answer.relation = query.from.empty()     ? Relation::kInitial
                    : cursor == line.end() ? Relation::kRewritten
                                           : Relation::kAdvanced;
  auto first = cursor == line.end() ? line.begin() : cursor + 1;
  const auto count = line.end() - first;
  if (count > query.limit) {
    if (answer.relation != Relation::kInitial) answer.omitted = count - query.limit;
    first += count - query.limit;
  }
  for (; first != line.end(); ++first) answer.commits.push_back({*first, "Ann", "x", {}, {}});
  return answer;
}

RemoteRefs Refs(const Remote& remote) {
  RemoteRefs refs;
  for (const auto& [name, line] : remote) refs.refs.push_back({name, line.commits.back()});
  return refs;
}

// The world: what exists, and what the observer's status says.
struct World {
  Remote remote;
  api::ObservedRepository repository;
  std::map<std::string, std::string> tests;  // Commit by CommitTest name.
  int next_commit = 1;

  // One look at the remote of which the first `creations` are carried out before a crash; without a
  // crash the cursors move.
  void Look(std::size_t creations, bool crashes) {
    const auto selected = SelectRefs(repository.status.refs, Refs(remote));
    std::vector<HistoryAnswer> answers;
    for (const auto& query : Questions(repository.spec, repository.status.refs, selected.refs)) {
      answers.push_back(AnswerOf(remote, query));
    }
    FactsByCommit facts;
    for (const DetailsQuery& query : DetailsQuestions(repository, answers)) {
      if (crashes && *rc::gen::inRange(0, 3) == 0) continue;  // Could not be looked into.
      facts.emplace(query.commit, FactsAbout(query.commit));
    }
    const Plan plan = MakePlan(repository, selected.refs, answers, WallTime{}, facts);
    std::vector<std::string> done;
    for (const RefStep& step : plan.steps) {
      for (const api::CommitTest& test : step.create) {
        if (crashes && creations-- == 0) return;
        tests.emplace(test.meta.name, test.spec.source.commit);
      }
      done.push_back(step.ref);
      skipped += step.skipped;
    }
    if (!crashes) repository.status.refs = CursorsAfter(plan, done);
  }

  // A function of the commit.
  CommitFacts FactsAbout(const std::string& commit) const {
    CommitFacts facts{
        repository.spec.template_->tests, repository.spec.template_->execution, {}, {}};
    const auto kind = std::hash<std::string>()(commit) % 3;
    if (kind == 1) facts.tests.path = "checks";
    if (kind == 2) {
      facts.not_run = api::NotRun{api::NotRunReason::kConfigurationError, "wrong"};
      facts.refused_file = "id";
    }
    return facts;
  }

  void Push(const std::string& ref, int count) {
    for (int i = 0; i < count; ++i) remote[ref].commits.push_back(CommitId(next_commit++));
  }

  std::set<std::string> TestedCommits() const {
    std::set<std::string> commits;
    for (const auto& [name, commit] : tests) commits.insert(commit);
    return commits;
  }

  std::int64_t skipped = 0;
};

World MakeWorld() {
  World world;
  world.repository.meta.namespace_ = "ci";
  world.repository.meta.name = "app";
  world.repository.spec.max_backfill = *rc::gen::inRange<std::int64_t>(1, 6);
  world.repository.spec.initial_commits = *rc::gen::inRange<std::int64_t>(0, 4);
  world.repository.spec.commit_policy =
      *rc::gen::element(api::CommitPolicy::kEveryCommit, api::CommitPolicy::kTipOnly);
  return world;
}

std::string AnyRef() {
  return *rc::gen::element<std::string>("refs/heads/a", "refs/heads/b", "refs/heads/c");
}

void AnyEvent(World& world) {
  const std::string ref = AnyRef();
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      world.remote.erase(ref);
      return;
    case 1:
      world.remote[ref].commits.clear();
      world.Push(ref, *rc::gen::inRange(1, 8));
      return;
    case 2:
      world.Look(*rc::gen::inRange<std::size_t>(0, 10), true);
      return;
    case 3:
      world.Look(0, false);
      return;
    default:
      world.Push(ref, *rc::gen::inRange(1, 8));
      return;
  }
}

RC_GTEST_PROP(PlanProperty, CursorNeverPassesACommitThatIsNeitherCreatedNorCounted, ()) {
  World world = MakeWorld();
  world.Push("refs/heads/a", 1);
  world.Look(0, false);
  // From here on the ref only grows, so every commit has to be accounted for.
  const std::size_t tested_before = world.TestedCommits().size();
  const std::int64_t skipped_before = world.skipped;
  std::size_t pushed = 0;
  const int looks = *rc::gen::inRange(1, 6);
  for (int i = 0; i < looks; ++i) {
    const int count = *rc::gen::inRange(0, 9);
    world.Push("refs/heads/a", count);
    pushed += static_cast<std::size_t>(count);
    const bool crashes = *rc::gen::arbitrary<bool>();
    const std::int64_t skipped = world.skipped;
    world.Look(*rc::gen::inRange<std::size_t>(0, 9), crashes);
    if (crashes) world.skipped = skipped;  // Counted again by the look that ends well.
  }
  world.Look(0, false);
  const auto tested = world.TestedCommits().size() - tested_before;
  const auto skipped = static_cast<std::size_t>(world.skipped - skipped_before);
  // Commits that a look created before it crashed may be among those that a later look skips, as
  // the later look sees more commits than it may test.
  RC_ASSERT(tested + skipped >= pushed);
  RC_ASSERT(world.repository.status.refs.at(0).last_seen_commit ==
            world.remote.at("refs/heads/a").commits.back());
}

RC_GTEST_PROP(PlanProperty, EveryTipIsTestedOnceThingsCalmDown, ()) {
  World world = MakeWorld();
  world.repository.spec.initial_commits = 1;
  const int events = *rc::gen::inRange(0, 20);
  for (int i = 0; i < events; ++i) AnyEvent(world);
  world.Look(0, false);
  const auto tested = world.TestedCommits();
  for (const auto& [ref, line] : world.remote) RC_ASSERT(tested.contains(line.commits.back()));
}

RC_GTEST_PROP(PlanProperty, NothingIsLeftToDoAfterALook, ()) {
  World world = MakeWorld();
  const int events = *rc::gen::inRange(0, 20);
  for (int i = 0; i < events; ++i) AnyEvent(world);
  world.Look(0, false);
  const auto status = world.repository.status;
  const auto tests = world.tests;
  RC_ASSERT(Questions(world.repository.spec, status.refs,
                      SelectRefs(status.refs, Refs(world.remote)).refs)
                .empty());
  world.Look(0, false);
  RC_ASSERT(world.repository.status == status);
  RC_ASSERT(world.tests == tests);
}

RC_GTEST_PROP(PlanProperty, ADeletedCommitTestStaysDeleted, ()) {
  World world = MakeWorld();
  world.Push("refs/heads/a", *rc::gen::inRange(1, 8));
  world.Look(0, false);
  world.tests.clear();
  world.Look(0, false);
  RC_ASSERT(world.tests.empty());
}

RC_GTEST_PROP(PlanProperty, StatusStaysSortedUniqueAndBounded, ()) {
  World world = MakeWorld();
  const int events = *rc::gen::inRange(0, 20);
  for (int i = 0; i < events; ++i) AnyEvent(world);
  world.Look(0, false);
  const auto& refs = world.repository.status.refs;
  RC_ASSERT(std::ranges::is_sorted(refs, {}, &api::RefStatus::name));
  RC_ASSERT(std::ranges::adjacent_find(refs, {}, &api::RefStatus::name) == refs.end());
  RC_ASSERT(refs.size() == world.remote.size());
}

}  // namespace
}  // namespace committest::observer

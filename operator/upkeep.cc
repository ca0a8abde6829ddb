#include "operator/upkeep.h"

#include <map>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/log.h"

namespace committest::op {
namespace {

using api::CommitTest;
using api::ObservedRepository;

FinishedTest FinishedTestOf(const CommitTest& commit_test) {
  FinishedTest test;
  test.key = commit_test.meta.Key();
  test.uid = commit_test.meta.uid;
  test.ref = commit_test.spec.source.ref;
  test.result = *commit_test.status.result;
  test.since = SeenTime(commit_test);
  test.completed = commit_test.status.completion_time.value_or(test.since);
  test.ttl = std::chrono::seconds(commit_test.spec.ttl_seconds_after_finished);
  return test;
}

/// A repository that is gone keeps nothing for ever, and neither do CommitTests made by hand.
RetentionRules RulesOf(const ObservedRepository* repository, const RepositoryKey& key) {
  if (repository != nullptr && repository->parse_error.empty()) {
    const api::RetentionSpec& retention = repository->spec.retention;
    return {retention.max_count, retention.keep_last_per_ref};
  }
  // Rules that cannot be read might keep anything.
  if (repository != nullptr) return {0, api::kMaxKeepLastPerRef};
  return {key.name.empty() ? 0 : api::RetentionSpec().max_count, 0};
}

}  // namespace

Status Upkeep::DeleteExpired(const Caches& caches, std::size_t& deleted) {
  std::map<RepositoryKey, std::vector<FinishedTest>> finished;
  for (const auto& commit_test : caches.commit_tests.List()) {
    if (!commit_test->status.result || commit_test->meta.deletion_time) continue;
    finished[{commit_test->meta.namespace_, commit_test->spec.repository_name}].push_back(
        FinishedTestOf(*commit_test));
  }
  for (auto& [repository, tests] : finished) {
    const auto known = caches.repositories.Get(repository);
    const RetentionRules rules = RulesOf(known.get(), repository);
    for (const FinishedTest& test : Expired(std::move(tests), rules, clock_.Wall())) {
      if (deleted >= kMaxDeletionsPerPass) return {};
      if (Status done = writer_.Delete(api::CommitTestType(), test.key, test.uid); !done) {
        return Fail(Context("delete CommitTest " + test.key.ToString(), std::move(done.error())));
      }
      ++deleted;
      log::Info("deleted a CommitTest that has had its time",
                {{"committest", test.key.ToString()}});
    }
  }
  return {};
}

Status Upkeep::TellCounts(const Caches& caches) {
  for (const auto& repository : caches.repositories.List()) {
    const Slots::Counts counts = slots_.CountsOf(repository->meta.Key());
    const api::ObservedRepositoryStatus& status = repository->status;
    if (status.running == counts.running && status.queued == counts.queued) continue;
    const nlohmann::json patch = {{"running", counts.running}, {"queued", counts.queued}};
    const auto patched =
        status_writer_.PatchStatus(api::ObservedRepositoryType(), repository->meta, patch);
    if (patched) continue;
    // The observer has just written, or it is gone: the next pass sees.
    const ErrorCode code = patched.error().code;
    if (code == ErrorCode::kConflict || code == ErrorCode::kNotFound) continue;
    return Fail(Context("patch status of " + repository->meta.Key().ToString(), patched.error()));
  }
  return {};
}

Result<kube::Outcome> Upkeep::Pass() {
  // A new leader has not planned yet.
  slots_.Refresh();
  std::size_t deleted = 0;
  for (const auto& entry : caches_.All()) {
    if (Status done = DeleteExpired(*entry.second, deleted); !done) {
      return Fail(std::move(done.error()));
    }
    if (Status done = TellCounts(*entry.second); !done) return Fail(std::move(done.error()));
  }
  const bool more = deleted >= kMaxDeletionsPerPass;
  return kube::Outcome{more ? std::chrono::seconds(1) : kUpkeepPeriod};
}

}  // namespace committest::op

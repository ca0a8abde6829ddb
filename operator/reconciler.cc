#include "operator/reconciler.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "operator/attempts.h"
#include "operator/confirm.h"

namespace committest::op {
namespace {

/// How soon to look again if the event that shows our own write does not come.
constexpr std::chrono::milliseconds kBehindRetry{1'000};
/// A launch is answered by at most one further decision: the name is taken, or it is refused.
constexpr int kMaxRounds = 3;

}  // namespace

Result<kube::Outcome> Reconciler::Reconcile(const kube::ObjectKey& key) {
  Result<Gathering> gathering = gatherer_.Gather(key);
  if (!gathering) return Fail(std::move(gathering.error()));
  switch (gathering->sight) {
    case Sight::kGone:
      return kube::Outcome{};
    case Sight::kBehind:
      return kube::Outcome{kBehindRetry};
    case Sight::kClear:
      break;
  }
  return DecideAndApply(std::move(gathering->observed));
}

Result<kube::Outcome> Reconciler::DecideAndApply(Observed observed) {
  for (int round = 0; round < kMaxRounds; ++round) {
    const Result<Decision> decision = DecideSurely(observed);
    if (!decision) return Fail(decision.error());
    const Result<Applied> applied = applier_.Apply(observed, *decision);
    if (!applied) return Fail(applied.error());
    if (applied->launch == Launch::kNotAsked || applied->launch == Launch::kCreated) {
      return kube::Outcome{decision->requeue_after};
    }
    if (Status taken = TakeAnswer(*applied, observed); !taken) {
      return Fail(std::move(taken.error()));
    }
  }
  return Fail(ErrorCode::kUnavailable, "the launch was answered differently each time");
}

Result<Decision> Reconciler::DecideSurely(Observed& observed) {
  Decision decision = Decide(observed);
  if (!EndsByCacheAlone(observed, decision)) return decision;
  if (Status read = gatherer_.ReadPods(observed); !read) return Fail(std::move(read.error()));
  return Decide(observed);
}

Status Reconciler::TakeAnswer(const Applied& applied, Observed& observed) {
  if (applied.launch == Launch::kRefused) {
    slots_.Refused(observed.commit_test.meta.Key(), *applied.refusal);
    observed.launch_error = applied.refusal;
    return {};
  }
  const CurrentAttempt current = CurrentAttemptOf(observed.commit_test);
  Result<nlohmann::json> job = reader_.Get(JobType(), current.job);
  if (!job) {
    // Gone again between POST and GET: everything has to be looked at anew.
    if (job.error().code == ErrorCode::kNotFound) {
      return Fail(ErrorCode::kConflict, "job " + current.job.ToString() + " came and went");
    }
    return Fail(Context("get the job that has our name", std::move(job.error())));
  }
  gatherer_.Adopt(*job, observed);
  return {};
}

}  // namespace committest::op

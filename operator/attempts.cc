#include "operator/attempts.h"

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/base/strings.h"
#include "common/kube/json_reader.h"
#include "operator/run_shape.h"

namespace committest::op {
namespace {

/// The longest that an Indexed Job's name gets to be a Pod's host name.
constexpr std::string_view kIndexSuffix = "-15";

}  // namespace

std::string JobNameOf(const api::CommitTest& commit_test, std::int64_t attempt) {
  return api::JobName(commit_test.meta.name, commit_test.meta.uid, attempt,
                      IsSharded(commit_test.spec) ? kIndexSuffix.size() : 0);
}

CurrentAttempt CurrentAttemptOf(const api::CommitTest& commit_test) {
  const auto& attempts = commit_test.status.attempts;
  CurrentAttempt current;
  if (!attempts.empty() && !attempts.back().outcome) {
    current.recorded = &attempts.back();
    current.number = attempts.back().number;
  } else if (!attempts.empty()) {
    current.number = attempts.back().number + 1;
  }
  current.job = {commit_test.meta.namespace_, JobNameOf(commit_test, current.number)};
  return current;
}

const api::Attempt* LastEnded(const api::CommitTestStatus& status) {
  const auto& attempts = status.attempts;
  return !attempts.empty() && attempts.back().outcome ? &attempts.back() : nullptr;
}

std::string SpecHash(const api::CommitTestSpec& spec) {
  const nlohmann::json spec_json = api::ToJson(spec);
  nlohmann::json of_the_job;
  for (const char* member : {"source", "tests", "execution"})
    of_the_job[member] = spec_json[member];
  if (spec_json.contains("sharding")) of_the_job["sharding"] = spec_json["sharding"];
  return Sha256Hex(kube::Dump(of_the_job)).substr(0, 16);
}

bool IsOurs(const JobView& job, const api::CommitTest& commit_test, std::int64_t attempt) {
  const kube::OwnerReference* owner = job.meta.Controller();
  return owner != nullptr && owner->uid == commit_test.meta.uid && job.attempt == attempt &&
         job.spec_hash == SpecHash(commit_test.spec);
}

std::string JobUidOf(const CurrentAttempt& current, const std::optional<JobView>& job,
                     const api::CommitTest& commit_test) {
  if (current.recorded != nullptr) return current.recorded->job_uid;
  return job && IsOurs(*job, commit_test, current.number) ? job->meta.uid : std::string();
}

}  // namespace committest::op

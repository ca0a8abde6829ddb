#include "operator/apply.h"

#include <utility>
#include <variant>

#include <nlohmann/json.hpp>

#include "common/base/log.h"
#include "common/kube/json_reader.h"
#include "operator/job_builder.h"
#include "operator/launch_error.h"

namespace committest::op {
namespace {

std::optional<std::int64_t> AttemptToCreate(const Decision& decision) {
  for (const Action& action : decision.actions) {
    if (const auto* create = std::get_if<CreateJob>(&action)) return create->attempt;
  }
  return std::nullopt;
}

std::string VersionOf(const nlohmann::json& object) {
  return kube::StringAt(kube::ObjectAt(object, "metadata"), "resourceVersion");
}

}  // namespace

Applier::Applier(kube::Writer& writer, kube::StatusWriter& status_writer, kube::EventSink& events,
                 WriteMemory& writes, OperatorMetrics& metrics, const Clock& clock)
    : writer_(writer),
      status_writer_(status_writer),
      events_(events),
      writes_(writes),
      metrics_(metrics),
      clock_(clock) {}

Result<Applied> Applier::Apply(const Observed& observed, const Decision& decision) {
  Applied applied;
  if (const auto attempt = AttemptToCreate(decision)) {
    Result<Applied> created = Create(observed, *attempt);
    if (!created || created->launch != Launch::kCreated) return created;
    applied = *created;
  }
  if (Status written = WriteStatus(observed, decision); !written) {
    return Fail(std::move(written.error()));
  }
  if (Status deleted = DeleteJobs(decision); !deleted) return Fail(std::move(deleted.error()));
  return applied;
}

Result<Applied> Applier::Create(const Observed& observed, std::int64_t attempt) {
  const nlohmann::json job =
      BuildRunnerJob(observed.commit_test, attempt, observed.defaults, observed.timings);
  const Result<nlohmann::json> created = writer_.Create(JobType(), job);
  if (created) {
    const JobView view = ParseJobView(*created);
    writes_.jobs.Record(view.meta.Key(), view.meta.resource_version);
    metrics_.Launched(observed.commit_test, attempt, clock_.Wall());
    log::Info("created job", {{"committest", observed.commit_test.meta.Key().ToString()},
                              {"job", view.meta.name},
                              {"attempt", attempt}});
    return Applied{Launch::kCreated, std::nullopt};
  }
  if (created.error().code == ErrorCode::kAlreadyExists) {
    return Applied{Launch::kNameTaken, std::nullopt};
  }
  if (auto refusal = ClassifyLaunchError(created.error())) {
    metrics_.Refused(std::string(LaunchErrorKindName(refusal->kind)));
    return Applied{Launch::kRefused, std::move(refusal)};
  }
  return Fail(Context("create job", created.error()));
}

Status Applier::WriteStatus(const Observed& observed, const Decision& decision) {
  const api::CommitTest& commit_test = observed.commit_test;
  const nlohmann::json patch =
      kube::MergePatch(api::ToJson(commit_test.status), api::ToJson(decision.next_status));
  if (patch.empty()) return {};
  const auto patched = status_writer_.PatchStatus(api::CommitTestType(), commit_test.meta, patch);
  if (!patched) {
    // Deleted meanwhile: there is nobody left to tell.
    if (patched.error().code == ErrorCode::kNotFound) return {};
    return Fail(Context("patch status", patched.error()));
  }
  writes_.commit_tests.Record(commit_test.meta.Key(), VersionOf(*patched));
  metrics_.Written(commit_test.status, decision.next_status, clock_.Wall());
  Tell(observed, decision);
  return {};
}

void Applier::Tell(const Observed& observed, const Decision& decision) {
  const api::CommitTest& commit_test = observed.commit_test;
  const kube::ObjectReference about{api::CommitTestType().ApiVersion(), api::CommitTestType().kind,
                                    commit_test.meta};
  for (const EventNote& event : decision.events) {
    events_.Record(about, event.warning ? kube::EventType::kWarning : kube::EventType::kNormal,
                   event.reason, event.note, "RunTests");
    log::Info("transition", {{"committest", commit_test.meta.Key().ToString()},
                             {"reason", event.reason},
                             {"note", event.note}});
  }
}

Status Applier::DeleteJobs(const Decision& decision) {
  for (const Action& action : decision.actions) {
    const auto* remove = std::get_if<DeleteJob>(&action);
    if (remove == nullptr) continue;
    if (Status deleted = writer_.Delete(JobType(), remove->key, remove->uid); !deleted) {
      return Fail(Context("delete job", std::move(deleted.error())));
    }
    log::Info("deleted job", {{"job", remove->key.ToString()}, {"uid", remove->uid}});
  }
  return {};
}

}  // namespace committest::op

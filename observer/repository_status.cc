#include "observer/repository_status.h"

#include <utility>

#include "common/api/condition.h"
#include "common/api/reasons.h"
#include "common/base/strings.h"

namespace committest::observer {
namespace {

constexpr std::size_t kMaxMessageBytes = 500;

void Set(api::ObservedRepositoryStatus& status, const char* type, const char* value,
         std::string reason, std::string_view message, WallTime now) {
  api::Condition condition;
  condition.type = type;
  condition.status = value;
  condition.reason = std::move(reason);
  condition.message = Truncate(Redact(OneLine(message)), kMaxMessageBytes);
  condition.observed_generation = status.observed_generation;
  condition.last_transition_time = now;
  api::SetCondition(status.conditions, std::move(condition));
}

api::ObservedRepositoryStatus Start(const api::ObservedRepository& repository) {
  api::ObservedRepositoryStatus status = repository.status;
  status.observed_generation = repository.meta.generation;
  return status;
}

std::string Plural(std::size_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string Describe(const LookNotes& notes) {
  std::vector<std::string> parts = {"observing " + Plural(notes.observed, "ref")};
  if (notes.observed == 0) {
    parts = {"the repository has no ref that spec.refs matches"};
  }
  if (notes.omitted > 0) {
    parts.push_back(Plural(notes.omitted, "more ref") + " beyond the limit of " +
                    std::to_string(api::kMaxObservedRefs) + " not observed");
  }
  if (notes.refused > 0) {
    parts.push_back(Plural(notes.refused, "ref") + " with unsupported names left out");
  }
  if (!notes.unread.empty()) {
    parts.push_back("the server does not give out the commit of " + notes.unread.front() +
                    (notes.unread.size() == 1
                         ? ""
                         : " and of " + Plural(notes.unread.size() - 1, "other ref")));
  }
  return Join(parts, "; ");
}

}  // namespace

api::ObservedRepositoryStatus AfterInvalidSpec(const api::ObservedRepository& repository,
                                               const std::string& message, WallTime now) {
  auto status = Start(repository);
  Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kInvalidSpec, message,
      now);
  return status;
}

api::ObservedRepositoryStatus AfterSuspend(const api::ObservedRepository& repository,
                                           WallTime now) {
  auto status = Start(repository);
  Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kSuspended,
      "spec.suspend is true", now);
  return status;
}

api::ObservedRepositoryStatus AfterFailedLook(const api::ObservedRepository& repository,
                                              const Error& error, WallTime now) {
  auto status = Start(repository);
  if (error.code == ErrorCode::kInternal) {
    Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kInternalError,
        error.message, now);
    return status;
  }
  if (error.reason == api::reason::kCredentialsInvalid ||
      error.reason == api::reason::kCredentialsUnavailable) {
    Set(status, api::condition::kReady, api::condition::kFalse, error.reason, error.message, now);
    return status;
  }
  const std::string why =
      error.reason.empty() ? std::string(ErrorCodeName(error.code)) : error.reason;
  Set(status, api::condition::kReachable, api::condition::kFalse, why, error.message, now);
  Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kUnreachable,
      error.message, now);
  return status;
}

api::ObservedRepositoryStatus AfterLook(const api::ObservedRepository& repository,
                                        const LookNotes& notes, WallTime now) {
  auto status = Start(repository);
  Set(status, api::condition::kReachable, api::condition::kTrue, api::reason::kAnswered, "", now);
  Set(status, api::condition::kReady, api::condition::kTrue,
      notes.observed == 0 ? api::reason::kNoMatchingRefs : api::reason::kObserving, Describe(notes),
      now);
  return status;
}

api::ObservedRepositoryStatus WithUnreadCommits(api::ObservedRepositoryStatus status,
                                                const Error& error, WallTime now) {
  Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kCommitsUnreadable,
      "new commits wait until their files can be read: " + error.message, now);
  return status;
}

api::ObservedRepositoryStatus WithCreateFailure(api::ObservedRepositoryStatus status,
                                                const Error& error, WallTime now) {
  Set(status, api::condition::kReady, api::condition::kFalse, api::reason::kCreateFailed,
      "a CommitTest cannot be created: " + error.message, now);
  return status;
}

}  // namespace committest::observer

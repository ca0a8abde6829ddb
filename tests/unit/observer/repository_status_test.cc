#include "observer/repository_status.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/condition.h"

namespace committest::observer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kNow{std::chrono::seconds(1'800'000'000)};
const WallTime kLater{std::chrono::seconds(1'800'000'500)};

api::ObservedRepository Repository() {
  api::ObservedRepository repository;
  repository.meta.generation = 3;
  repository.status.refs = {{"refs/heads/main", std::string(40, 'a'), "app-1", 0}};
  return repository;
}

LookNotes Observing(std::size_t refs) {
  LookNotes notes;
  notes.observed = refs;
  return notes;
}

const api::Condition& Find(const api::ObservedRepositoryStatus& status, const char* type) {
  static const api::Condition kNone;
  const api::Condition* found = api::FindCondition(status.conditions, type);
  EXPECT_NE(found, nullptr) << type;
  return found == nullptr ? kNone : *found;
}

TEST(RepositoryStatus, IsReadyAndReachableAfterALook) {
  const auto status = AfterLook(Repository(), Observing(2), kNow);
  EXPECT_EQ(status.observed_generation, 3);
  EXPECT_EQ(Find(status, "Ready").status, "True");
  EXPECT_EQ(Find(status, "Ready").reason, "Observing");
  EXPECT_EQ(Find(status, "Ready").message, "observing 2 refs");
  EXPECT_EQ(Find(status, "Reachable").status, "True");
  EXPECT_EQ(Find(status, "Reachable").reason, "Answered");
  EXPECT_EQ(status.refs, Repository().status.refs);
}

TEST(RepositoryStatus, StaysEqualWhenTheSameIsFoundAgain) {
  auto repository = Repository();
  const Error error{ErrorCode::kUnavailable, "refused", {}, std::nullopt};
  for (const auto& after :
       {+[](const api::ObservedRepository& r, WallTime t) { return AfterLook(r, Observing(1), t); },
        +[](const api::ObservedRepository& r, WallTime t) {
          return AfterInvalidSpec(r, "spec.url is bad", t);
        },
        +[](const api::ObservedRepository& r, WallTime t) { return AfterSuspend(r, t); }}) {
    repository.status = after(repository, kNow);
    EXPECT_EQ(after(repository, kLater), repository.status);
  }
  repository.status = AfterFailedLook(repository, error, kNow);
  EXPECT_EQ(AfterFailedLook(repository, error, kLater), repository.status);
}

TEST(RepositoryStatus, SaysWhatIsLeftOut) {
  LookNotes notes;
  notes.observed = 100;
  notes.omitted = 7;
  notes.refused = 1;
  notes.unread = {"refs/heads/x", "refs/heads/y", "refs/heads/z"};
  const auto status = AfterLook(Repository(), notes, kNow);
  EXPECT_EQ(Find(status, "Ready").message,
            "observing 100 refs; 7 more refs beyond the limit of 100 not observed; 1 ref with "
            "unsupported names left out; the server does not give out the commit of refs/heads/x "
            "and of 2 other refs");
}

TEST(RepositoryStatus, SaysThatNoRefMatches) {
  const auto status = AfterLook(Repository(), {}, kNow);
  EXPECT_EQ(Find(status, "Ready").status, "True");
  EXPECT_EQ(Find(status, "Ready").reason, "NoMatchingRefs");
}

TEST(RepositoryStatus, SaysThatASecretIsWrongOrAwayAndNothingOfTheServer) {
  for (const char* reason : {"CredentialsInvalid", "CredentialsUnavailable"}) {
    const Error error{ErrorCode::kNotFound, "Secret ci/deploy does not exist", reason,
                      std::nullopt};
    const auto status = AfterFailedLook(Repository(), error, kNow);
    EXPECT_EQ(Find(status, "Ready").status, "False");
    EXPECT_EQ(Find(status, "Ready").reason, reason);
    EXPECT_EQ(Find(status, "Ready").message, "Secret ci/deploy does not exist");
    EXPECT_EQ(api::FindCondition(status.conditions, "Reachable"), nullptr);
  }
}

TEST(RepositoryStatus, TellsWhyTheServerCouldNotBeAsked) {
  const Error error{
      ErrorCode::kDeadlineExceeded, "the Git server did not answer in time", {}, std::nullopt};
  const auto status = AfterFailedLook(Repository(), error, kNow);
  EXPECT_EQ(Find(status, "Reachable").status, "False");
  EXPECT_EQ(Find(status, "Reachable").reason, "DeadlineExceeded");
  EXPECT_EQ(Find(status, "Ready").status, "False");
  EXPECT_EQ(Find(status, "Ready").reason, "Unreachable");
  EXPECT_EQ(Find(status, "Ready").message, "the Git server did not answer in time");
  EXPECT_EQ(status.refs, Repository().status.refs);
}

TEST(RepositoryStatus, SaysThatTheServerRedirects) {
  const Error error{ErrorCode::kUnavailable, "it redirects", "Redirected", std::nullopt};
  const auto status = AfterFailedLook(Repository(), error, kNow);
  EXPECT_EQ(Find(status, "Reachable").status, "False");
  EXPECT_EQ(Find(status, "Reachable").reason, "Redirected");
  EXPECT_EQ(Find(status, "Ready").reason, "Unreachable");
}

TEST(RepositoryStatus, DoesNotBlameTheServerForOurFault) {
  auto repository = Repository();
  repository.status = AfterLook(repository, Observing(1), kNow);
  const Error error{ErrorCode::kInternal, "unexpected: x", {}, std::nullopt};
  const auto status = AfterFailedLook(repository, error, kLater);
  EXPECT_EQ(Find(status, "Reachable").status, "True");
  EXPECT_EQ(Find(status, "Ready").reason, "InternalError");
}

TEST(RepositoryStatus, RedactsAndBoundsForeignText) {
  const Error error{ErrorCode::kUnavailable,
                    "cannot reach https://bob:hunter2@h/x\n\x1b[31m\xff" + std::string(5000, 'x'),
                    {},
                    std::nullopt};
  const auto status = AfterFailedLook(Repository(), error, kNow);
  const std::string& message = Find(status, "Reachable").message;
  EXPECT_THAT(message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  EXPECT_THAT(message, Not(HasSubstr("\x1b")));
  EXPECT_LE(message.size(), api::kMaxConditionMessageBytes);
}

TEST(RepositoryStatus, IsNotReadyWhenACommitTestCannotBeCreated) {
  const Error error{ErrorCode::kPermissionDenied, "app-1: exceeded quota", {}, std::nullopt};
  const auto status = WithCreateFailure(AfterLook(Repository(), Observing(1), kNow), error, kNow);
  EXPECT_EQ(Find(status, "Ready").status, "False");
  EXPECT_EQ(Find(status, "Ready").reason, "CreateFailed");
  EXPECT_THAT(Find(status, "Ready").message, HasSubstr("exceeded quota"));
  EXPECT_EQ(Find(status, "Reachable").status, "True");
}

}  // namespace
}  // namespace committest::observer

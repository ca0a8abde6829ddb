// The small pure parts: validation, refusals, attempts.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/attempts.h"
#include "operator/launch_error.h"
#include "operator/validate.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Validate, AcceptsAnOrdinarySpec) { EXPECT_EQ(SpecProblem(ACommitTest().spec), ""); }

struct InvalidRow {
  const char* expected;
  void (*change)(api::CommitTestSpec&);
};

TEST(Validate, NamesFieldAndValueOfWhatCannotRun) {
  const InvalidRow rows[] = {
      {"spec.source.commit is 'HEAD'", [](auto& spec) { spec.source.commit = "HEAD"; }},
      {"spec.source.url is ''", [](auto& spec) { spec.source.url.clear(); }},
      {"spec.source.url is '--upload-pack=x'",
       [](auto& spec) { spec.source.url = "--upload-pack=x"; }},
      {"'COMMITTEST_RUN' is reserved",
       [](auto& spec) { spec.execution.env = {{"COMMITTEST_RUN", ""}}; }},
      {"'JOB_COMPLETION_INDEX' is reserved",
       [](auto& spec) {
         spec.execution.env = {{"JOB_COMPLETION_INDEX", "0"}};
         spec.sharding.count = 2;
       }},
      {"'A=B' is no name", [](auto& spec) { spec.execution.env = {{"A=B", ""}}; }},
      {"'1A' is no name", [](auto& spec) { spec.execution.env = {{"1A", ""}}; }},
      {"'gpu' is not allowed", [](auto& spec) { spec.execution.resources = {{"gpu", "1"}}; }},
      {"resources.cpu is empty", [](auto& spec) { spec.execution.resources = {{"cpu", ""}}; }},
      {"spec.tests.command is empty",
       [](auto& spec) { spec.tests.framework = api::Framework::kCommand; }},
      {"spec.tests.command has 40000 bytes, expected at most 32768",
       [](auto& spec) {
         spec.tests.framework = api::Framework::kCommand;
         spec.tests.command = {std::string(20'000, 'x'), std::string(20'000, 'y')};
       }},
  };
  for (const InvalidRow& row : rows) {
    api::CommitTestSpec spec = ACommitTest().spec;
    row.change(spec);
    EXPECT_THAT(SpecProblem(spec), HasSubstr(row.expected));
  }
}

TEST(Validate, HidesAPasswordThatControlCharactersDisguise) {
  api::CommitTestSpec spec = ACommitTest().spec;
  spec.source.commit = "https:\x01//me:secret@host";
  EXPECT_THAT(SpecProblem(spec), testing::Not(HasSubstr("secret")));
}

struct RefusalRow {
  Error error;
  std::optional<LaunchErrorKind> kind;
};

TEST(LaunchError, IsOfTheKindThatItsRowSays) {
  const RefusalRow rows[] = {
      {{ErrorCode::kPermissionDenied, "jobs.batch \"x\" is forbidden: exceeded quota: q", "", {}},
       LaunchErrorKind::kQuota},
      {{ErrorCode::kPermissionDenied, "denied by ValidatingAdmissionPolicy", "", {}},
       LaunchErrorKind::kDenied},
      {{ErrorCode::kPermissionDenied,
        "unable to create new content in namespace ci because it is "
        "being terminated",
        "",
        {}},
       LaunchErrorKind::kTerminating},
      {{ErrorCode::kPermissionDenied, "forbidden", "NamespaceTerminating", {}},
       LaunchErrorKind::kTerminating},
      {{ErrorCode::kNotFound, "namespaces \"ci\" not found", "", {}},
       LaunchErrorKind::kTerminating},
      {{ErrorCode::kInvalidArgument, "Job is invalid", "", {}}, LaunchErrorKind::kInvalid},
      {{ErrorCode::kInvalidArgument,
        "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied "
        "request: no",
        "Invalid",
        {}},
       LaunchErrorKind::kDenied},
      {{ErrorCode::kInvalidArgument, "admission webhook \"w\" denied the request: no", "", {}},
       LaunchErrorKind::kDenied},
      {{ErrorCode::kConflict, "quota was modified", "", {}}, std::nullopt},
      {{ErrorCode::kUnavailable, "etcd", "", {}}, std::nullopt},
      {{ErrorCode::kUnknownOutcome, "cut", "", {}}, std::nullopt},
      {{ErrorCode::kResourceExhausted, "429", "", {}}, std::nullopt},
  };
  for (const RefusalRow& row : rows) {
    const auto refusal = ClassifyLaunchError(row.error);
    ASSERT_EQ(refusal.has_value(), row.kind.has_value()) << row.error.message;
    if (!refusal) continue;
    EXPECT_EQ(refusal->kind, *row.kind) << row.error.message;
    EXPECT_EQ(refusal->message, row.error.message);
  }
}

TEST(Attempts, CurrentIsTheFirstWhenThereIsNone) {
  const CurrentAttempt current = CurrentAttemptOf(ACommitTest());
  EXPECT_EQ(current.number, 1);
  EXPECT_EQ(current.recorded, nullptr);
  EXPECT_EQ(current.job, AJob(ACommitTest(), 1).meta.Key());
}

TEST(Attempts, CurrentIsTheOpenOne) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 1, api::TestResult::kError);
  AddAttempt(commit_test, 2);
  EXPECT_EQ(CurrentAttemptOf(commit_test).number, 2);
  EXPECT_NE(CurrentAttemptOf(commit_test).recorded, nullptr);
}

TEST(Attempts, CurrentIsTheNextOneWhenTheLastHasEnded) {
  api::CommitTest commit_test = ACommitTest();
  AddAttempt(commit_test, 7, api::TestResult::kError);
  EXPECT_EQ(CurrentAttemptOf(commit_test).number, 8);
  EXPECT_EQ(CurrentAttemptOf(commit_test).recorded, nullptr);
}

TEST(Attempts, SpecHashIgnoresTheFieldThatMayChange) {
  api::CommitTestSpec spec = ACommitTest().spec;
  const std::string before = SpecHash(spec);
  spec.cancel_requested = true;
  EXPECT_EQ(SpecHash(spec), before);
  spec.tests.path = "other";
  EXPECT_NE(SpecHash(spec), before);
}

}  // namespace
}  // namespace committest::op

#include "plugin/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::plugin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

Error Of(ErrorCode code, std::string message = "the server's words") {
  return {code, std::move(message), {}, std::nullopt};
}

Attempted Looking() {
  Attempted attempted;
  attempted.namespace_ = "ci";
  attempted.name = "app-2";
  attempted.server = "https://10.0.0.1:6443";
  return attempted;
}

TEST(Problem, SuggestsNamesThatAreThere) {
  Attempted attempted = Looking();
  attempted.names = {"app-1", "library"};
  EXPECT_THAT(ProblemText(Of(ErrorCode::kNotFound), attempted),
              AllOf(HasSubstr("no CommitTest 'app-2' in the namespace 'ci'"), HasSubstr("app-1"),
                    Not(HasSubstr("library"))));
}

TEST(Problem, SaysHowToListWhereNoNameIsSimilar) {
  EXPECT_THAT(ProblemText(Of(ErrorCode::kNotFound), Looking()),
              HasSubstr("kubectl get committests -n ci"));
}

TEST(Problem, SaysThatTheKindIsMissing) {
  Attempted attempted = Looking();
  attempted.kind_is_there = false;
  EXPECT_THAT(ProblemText(Of(ErrorCode::kNotFound), attempted), HasSubstr("CRDs are missing"));
}

TEST(Problem, NamesTheRightThatIsMissing) {
  const std::string words =
      R"(User "ada" cannot create resource "committests" in API group "committest.dev")";
  EXPECT_THAT(ProblemText(Of(ErrorCode::kPermissionDenied, words), Looking()),
              AllOf(HasSubstr(words), HasSubstr("edit")));
}

TEST(Problem, NamesTheServerThatDoesNotAnswer) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kDeadlineExceeded}) {
    EXPECT_THAT(ProblemText(Of(code), Looking()),
                AllOf(HasSubstr("words"), HasSubstr("https://10.0.0.1:6443")));
  }
}

TEST(Problem, TellsEveryOtherErrorInItsOwnWords) {
  EXPECT_EQ(ProblemText(Of(ErrorCode::kInvalidArgument), Looking()), "the server's words");
  EXPECT_EQ(ProblemText(Of(ErrorCode::kInternal, "a\x1b[2J\nb"), Looking()), "a b");
}

}  // namespace
}  // namespace committest::plugin

#include "observer/git_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace committest::observer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ClassifyFetchFailure, KnowsTheWordsOfGit) {
  EXPECT_EQ(ClassifyFetchFailure("fatal: remote error: upload-pack: not our ref 1234").code,
            ErrorCode::kNotFound);
  EXPECT_EQ(
      ClassifyFetchFailure("error: Server does not allow request for unadvertised object x").code,
      ErrorCode::kNotFound);
  EXPECT_EQ(ClassifyFetchFailure("fatal: couldn't find remote ref refs/heads/x").code,
            ErrorCode::kNotFound);
  EXPECT_EQ(ClassifyFetchFailure("fatal: could not read Username for 'https://h': terminal prompts "
                                 "disabled")
                .code,
            ErrorCode::kUnauthenticated);
  EXPECT_EQ(ClassifyFetchFailure("fatal: index-pack failed").code, ErrorCode::kDataLoss);
  EXPECT_EQ(
      ClassifyFetchFailure("fatal: unable to access 'https://h/': Could not resolve host").code,
      ErrorCode::kUnavailable);
  EXPECT_EQ(ClassifyFetchFailure("").code, ErrorCode::kUnavailable);
}

TEST(ClassifyFetchFailure, ShowsOneRedactedLine) {
  const Error error = ClassifyFetchFailure(
      "warning: x\nfatal: unable to access 'https://bob:hunter2@h/x/': refused\nmore\n");
  EXPECT_THAT(error.message, HasSubstr("unable to access"));
  EXPECT_THAT(error.message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(error.message, Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace committest::observer

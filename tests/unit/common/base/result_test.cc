#include "common/base/result.h"

#include <gtest/gtest.h>

namespace committest {
namespace {

TEST(Result, ContextIsAddedInFront) {
  const Error error = Context("list pods", {ErrorCode::kUnavailable, "refused", "", {}});
  EXPECT_EQ(error.message, "list pods: refused");
  EXPECT_EQ(error.code, ErrorCode::kUnavailable);
}

TEST(Result, LostRacesAreConflictsAndBadInputIsTerminal) {
  EXPECT_EQ(DispositionOf(ErrorCode::kConflict), Disposition::kConflict);
  EXPECT_EQ(DispositionOf(ErrorCode::kAlreadyExists), Disposition::kConflict);
  EXPECT_EQ(DispositionOf(ErrorCode::kInvalidArgument), Disposition::kTerminal);
}

TEST(Result, EverythingElseIsRetried) {
  for (const ErrorCode code :
       {ErrorCode::kNotFound, ErrorCode::kGone, ErrorCode::kPermissionDenied,
        ErrorCode::kUnauthenticated, ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,
        ErrorCode::kDeadlineExceeded, ErrorCode::kUnknownOutcome, ErrorCode::kCancelled,
        ErrorCode::kDataLoss, ErrorCode::kInternal}) {
    EXPECT_EQ(DispositionOf(code), Disposition::kRetry) << ErrorCodeName(code);
  }
}

}  // namespace
}  // namespace committest

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/api/commit_test.h"
#include "common/api/run_summary.h"
#include "operator/decide.h"
#include "operator/observed.h"

namespace committest::op {

/// The moment at which test objects are created: 2026-01-01T00:00:00Z, that of `ManualClock`.
WallTime Epoch();
/// `seconds` after it.
WallTime At(std::int64_t seconds);

inline constexpr const char* kCommit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

/// A CommitTest "ci/app-1" of `kCommit` on main, created at the epoch, without a status.
api::CommitTest ACommitTest();

/// The Job that the operator makes for `attempt`, as the API server shows it. Its UID is
/// "job-uid-<attempt>".
JobView AJob(const api::CommitTest& commit_test, std::int64_t attempt = 1);

/// A Pod of `job`, created with it, and seen by nobody yet.
PodView APod(const JobView& job);
/// Each takes the Pod one step further; times are seconds after the epoch.
PodView Scheduled(PodView pod, std::int64_t at = 1);
PodView Unschedulable(PodView pod, const std::string& message, std::int64_t since = 0);
PodView WaitingFor(PodView pod, const std::string& reason, const std::string& message = {});
/// Of a run in two containers: while the first runs, and when it has ended.
PodView CheckingOut(PodView pod, std::int64_t since = 2);
PodView CheckedOut(PodView pod, std::int64_t exit_code, const std::string& message = {},
                   const std::string& reason = "Completed", std::int64_t finished = 3);
PodView Running(PodView pod, std::int64_t since = 2);
PodView Terminated(PodView pod, std::int64_t exit_code, const std::string& message = {},
                   const std::string& reason = {}, std::int64_t finished = 10);
PodView Disrupted(PodView pod, const std::string& reason, std::int64_t at = 9);
PodView Deleted(PodView pod, std::int64_t requested_at, std::int64_t grace = 10);

/// A summary of `passed` passed and `failed` failed tests of `kCommit`.
api::RunSummary ASummary(std::int64_t passed, std::int64_t failed = 0);
/// The same as the text that a runner leaves.
std::string Encoded(const api::RunSummary& summary);

/// Adds an attempt: open without `outcome`.
api::Attempt& AddAttempt(api::CommitTest& commit_test, std::int64_t number,
                         std::optional<api::TestResult> outcome = std::nullopt);

/// What a decision is made on `seconds` after the epoch.
Observed AnObserved(api::CommitTest commit_test, std::int64_t seconds);

/// `observed` after `decision` was written, read back as the API server keeps it.
Observed AfterWriting(Observed observed, const Decision& decision);

}  // namespace committest::op

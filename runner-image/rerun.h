#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner-image/evaluate.h"
#include "runner-image/junit.h"
#include "runner-image/test_plan.h"

namespace committest::runner {

/// The command that runs again what failed in `report`, and nothing else; empty when there is none:
/// the framework cannot (all but unittest and pytest), or more tests failed than a report names
/// (`api::kMaxFailures`), which is no flakiness. Pure.
std::vector<std::string> RerunCommand(const TestPlan& plan, const JunitReport& report);

/// `report` with what running its failing tests again has shown: those that passed count as passed and
/// as flaky. nullopt: `again` is no evidence about exactly those tests (it did not end by itself, left
/// no valid report, skipped some, or ran another number), so what `report` says stays. Pure.
std::optional<JunitReport> MergeRerun(const JunitReport& report, const Evidence& again);

}  // namespace committest::runner

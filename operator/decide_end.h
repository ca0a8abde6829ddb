#pragma once

#include "operator/attempts.h"
#include "operator/decide.h"
#include "operator/ending.h"
#include "operator/observed.h"

// Parts of Decide: how attempts and CommitTests end. Pure, as decide.h says.

namespace committest::op {

/// Closes the current attempt with `ending`: the verdict, or a retry after a back-off.
Decision EndAttempt(const Observed& observed, const CurrentAttempt& current, Ending ending);

/// The verdict, outside of any attempt's evidence: configuration, name conflict, cancellation.
Decision EndCommitTest(const Observed& observed, const CurrentAttempt& current,
                       const Ending& ending);

/// A result is set: only Jobs that could still run are left to do.
Decision AfterTheEnd(const Observed& observed);

/// Adds a DeleteJob for each Job of this CommitTest that no attempt needs any more and that could
/// still run. `status` is the one that will be written.
void DeleteStrays(const Observed& observed, Decision& decision);

}  // namespace committest::op

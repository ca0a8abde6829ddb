#pragma once

#include "operator/attempts.h"
#include "operator/decide.h"
#include "operator/observed.h"

// Part of Decide: attempts whose Job exists (rows 11 to 20 of decide.h).

namespace committest::op {

/// REQUIRES: `observed.job` is the current attempt's: by UID if it is recorded, else `IsOurs`.
Decision DecideJob(const Observed& observed, const CurrentAttempt& current);

}  // namespace committest::op

#pragma once

#include "operator/attempts.h"
#include "operator/decide.h"
#include "operator/observed.h"

// Part of Decide: attempts that are not recorded and have no Job (rows 8 to 10 of decide.h).

namespace committest::op {

Decision DecideLaunch(const Observed& observed, const CurrentAttempt& current);

}  // namespace committest::op

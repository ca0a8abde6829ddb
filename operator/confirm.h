#pragma once

#include "operator/decide.h"
#include "operator/observed.h"

namespace committest::op {

/// Whether `decision`, by what the cache says, ends an attempt that may have a Pod without evidence
/// of it, and not because it was cancelled. A watch that lags or is silent shows no evidence either,
/// and such an end is final or runs the tests once more: so the Pods are to be read from the API
/// server, and it is to be decided again.
bool EndsByCacheAlone(const Observed& observed, const Decision& decision);

}  // namespace committest::op

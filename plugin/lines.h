#pragma once

#include <string>
#include <vector>

#include "common/api/commit_test.h"
#include "plugin/palette.h"

namespace committest::plugin {

// How far a CommitTest is, in words. Pure; every text of an object comes out as one line without
// control characters.

/// The condition that says how far it is: of one with a result its verdict, else the first that is
/// False of Admitted and Started, else Started. nullptr when nobody has looked at it yet.
const api::Condition* DecisiveCondition(const api::CommitTestStatus& status);

/// "Passed", "Failed" …; before the result "running", "waiting" or "new".
std::string StateWord(const api::CommitTestStatus& status);
Tone StateTone(const api::CommitTestStatus& status);

/// Name, state, reason and message: what `watch` prints at each change. No line end.
std::string WatchLine(const api::CommitTest& test, const Palette& palette);

/// The exit status for results: 0 when all are Passed; else, of the first of these that there is, 3
/// Failed, 4 Error, 5 Cancelled, 6 Skipped. 1 when there is none, or one without a result.
int ExitStatusOf(const std::vector<api::CommitTestStatus>& statuses);

/// The exit status of what could not be done.
inline constexpr int kExitTrouble = 1;

}  // namespace committest::plugin

#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace committest::plugin {

/// What the plugin knows about the call that failed.
struct Attempted {
  std::string namespace_;
  std::string name;                ///< Of the CommitTest, or empty.
  std::string server;              ///< The API server's URL.
  bool kind_is_there = true;       ///< CommitTests can be listed at all.
  std::vector<std::string> names;  ///< Those of the namespace, if they could be listed.
};

/// An error for people: what failed in the server's words, and what to do next. Some lines of text
/// without control characters. Pure.
std::string ProblemText(const Error& error, const Attempted& attempted);

}  // namespace committest::plugin

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/api/commit_test.h"
#include "common/base/result.h"
#include "common/kube/config.h"

namespace committest::plugin {

enum class Verb { kPrint, kRun, kRerun, kCancel, kLogs, kWatch, kWhy, kReproduce };
enum class OutputFormat { kText, kJson };
enum class ColorChoice { kAuto, kAlways, kNever };

/// What one call of the plugin is to do.
struct Invocation {
  Verb verb = Verb::kPrint;
  std::string print;  ///< For `kPrint`: a help text or the version.

  kube::ConfigFlags cluster;
  std::string namespace_;  ///< Empty: the context's.
  OutputFormat output = OutputFormat::kText;
  ColorChoice color = ColorChoice::kAuto;

  std::string name;          ///< Of a CommitTest; for `kRun` the one it gets, or empty.
  std::string selector;      ///< `kWatch`: labels.
  bool wait = false;         ///< `kRun`, `kRerun`, `kCancel`: until there is a verdict.
  bool follow = false;       ///< `kLogs`
  bool local = false;        ///< `kReproduce`: by the runner alone.
  api::CommitTestSpec spec;  ///< `kRun`
};

/// The exit status for wrong usage; plugin/lines.h has those of verdicts.
inline constexpr int kExitUsage = 2;

/// Reads the arguments without the program's name. Pure. kInvalidArgument says what is wrong and how
/// to get help.
Result<Invocation> ParseArguments(const std::vector<std::string>& arguments);

/// A word that can stand somewhere on the command line, and what it means.
struct Word {
  std::string text;
  std::string meaning;

  bool operator==(const Word&) const = default;
};

/// The commands; the options that `command` takes, those of all commands included.
std::vector<Word> CommandWords();
std::vector<Word> OptionWords(const std::string& command);

}  // namespace committest::plugin

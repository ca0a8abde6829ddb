#include "plugin/app.h"

#include <exception>
#include <ostream>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/json_reader.h"
#include "plugin/completion.h"
#include "plugin/lines.h"
#include "plugin/session.h"

namespace committest::plugin {
namespace {

constexpr const char* kProgram = "kubectl-committest: ";
constexpr int kMaxSuggestions = 200;

Result<int> Perform(const Session& session) {
  switch (session.call.verb) {
    case Verb::kPrint:
      session.console.out << session.call.print;
      return 0;
    case Verb::kRun:
      return RunTest(session);
    case Verb::kRerun:
      return RerunTest(session);
    case Verb::kCancel:
      return CancelTest(session);
    case Verb::kLogs:
      return PrintLogs(session);
    case Verb::kWatch:
      return WatchTests(session);
    case Verb::kWhy:
      return ExplainTest(session);
    case Verb::kReproduce:
      return PrintReproduction(session);
  }
  return kExitTrouble;
}

bool IsSet(const kube::ConfigSources& sources, const char* name) {
  return !sources.environment(name).value_or("").empty();
}

int Trouble(const Console& console, const std::string& text, int exit_status) {
  console.err << kProgram << text << "\n";
  return exit_status;
}

int RunParsed(const Invocation& call, const kube::ConfigSources& sources, const Clock& clock,
              const Console& console) {
  if (call.verb == Verb::kPrint) {
    console.out << call.print;
    return 0;
  }
  auto cluster = Connect(call, sources, clock);
  if (!cluster) return Trouble(console, OneLine(cluster.error().message), kExitTrouble);
  const bool color = UseColor(call.color, console.out_is_terminal, IsSet(sources, "NO_COLOR"),
                              sources.environment("TERM").value_or(""));
  const Session session{call, *cluster, clock, console, Palette(color)};
  const Result<int> done = Perform(session);
  if (done) return *done;
  return Trouble(console, DescribeProblem(session, done.error()), kExitTrouble);
}

std::vector<Word> NamesFor(const std::vector<std::string>& words,
                           const kube::ConfigSources& sources, const Clock& clock) {
  // The word that is being completed would not parse; any name does.
  std::vector<std::string> arguments(words.begin(), words.end() - 1);
  arguments.emplace_back("any");
  const auto call = ParseArguments(arguments);
  if (!call) return {};
  auto cluster = Connect(*call, sources, clock);
  if (!cluster) return {};
  std::vector<Word> names;
  static_cast<void>(cluster->client->List(
      api::CommitTestType(), {cluster->namespace_, {}, {}}, kMaxSuggestions, {},
      {"metadata.managedFields"}, [&](nlohmann::json&& object) {
        const api::CommitTest test = api::ParseCommitTest(object);
        names.push_back(
            {test.meta.name, StateWord(test.status) + " " + test.status.display.branch});
      }));
  return names;
}

}  // namespace

int RunPlugin(const std::vector<std::string>& arguments, const kube::ConfigSources& sources,
              const Clock& clock, const Console& console) {
  try {
    const auto call = ParseArguments(arguments);
    if (call) return RunParsed(*call, sources, clock, console);
    return Trouble(console,
                   OneLine(call.error().message) + "\n  kubectl committest --help tells more",
                   kExitUsage);
  } catch (const std::exception& error) {
    return Trouble(console, OneLine(error.what()), kExitTrouble);
  }
}

int RunCompletion(const std::vector<std::string>& words, const kube::ConfigSources& sources,
                  const Clock& clock, const Console& console) {
  try {
    console.out << Complete(words, [&](const std::vector<std::string>& so_far) {
      return NamesFor(so_far, sources, clock);
    });
  } catch (const std::exception&) {
    console.out << ":4\n";
  }
  return 0;
}

}  // namespace committest::plugin

#include "runner-image/local.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/api/exit_codes.h"
#include "common/api/run_summary.h"
#include "common/base/strings.h"
#include "runner-image/app.h"
#include "runner-image/private_folder.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kFlushLimit{5000};

constexpr const char* kFooter =
    R"(Example: committest-runner local https://git.example.com/app.git 1a2b3c4d… --ref=refs/heads/main

The tests run as you, with your programs and your environment, and nothing fences them in: run only
commits that you trust. Exit codes: 0 passed, 10 tests failed, 20 checkout failed, 21 commit gone,
30 no tests, 40 report invalid, 50 internal or told to end, 60 configuration.)";

struct Options {
  std::string framework;
  std::vector<std::string> variables;
  std::vector<std::string> report_paths;
  std::string shard;
};

void Describe(CLI::App& cli, LocalRun& run, Options& options) {
  cli.footer(kFooter);
  cli.add_option("URL", run.request.url, "Where to fetch from, by https:// or http://")->required();
  cli.add_option("COMMIT", run.request.commit, "All 40 or 64 digits of the commit")->required();
  cli.add_option("--ref", run.request.ref,
                 "Where the commit was seen, for servers that do not give out commits by name");
  cli.add_option("--framework", options.framework,
                 "What runs the tests (default: Auto, or Command if there is one)");
  cli.add_option("--path", run.request.tests.path, "Folder of the tests (default: tests)");
  cli.add_option("--report", options.report_paths,
                 "Glob of JUnit reports that a command leaves; may be repeated")
      ->allow_extra_args(false);
  cli.add_option("--env", options.variables, "NAME=VALUE for the tests; may be repeated")
      ->allow_extra_args(false);
  cli.add_option("--timeout", run.request.timeout_seconds,
                 "Limit of the tests in seconds (default: 1800)");
  cli.add_option("--shard", options.shard,
                 "I/N: only the I-th of N shards of the tests, split by name");
  cli.add_flag("--allow-no-tests", run.request.tests.allow_no_tests,
               "A run without a test may pass");
}

Status TakeVariables(const std::vector<std::string>& variables, Environment& environment) {
  for (const std::string& variable : variables) {
    const auto equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--env is '" + OneLine(Truncate(variable, 80)) + "', expected NAME=VALUE");
    }
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  return {};
}

// -1 for what is no number.
std::int64_t NumberOf(std::string_view text) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : -1;
}

Status TakeShard(const std::string& shard, LocalRun& run) {
  const std::vector<std::string> parts = Split(shard, '/');
  const std::int64_t index = NumberOf(parts.front());
  const std::int64_t count = parts.size() == 2 ? NumberOf(parts.back()) : -1;
  if (index < 1 || index > count || count < 2 || count > api::kMaxShards) {
    return Fail(ErrorCode::kInvalidArgument, "--shard is '" + OneLine(Truncate(shard, 80)) +
                                                 "', expected I/N with 1 <= I <= N, N 2 to 16");
  }
  run.request.sharding.count = count;
  run.variables["JOB_COMPLETION_INDEX"] = std::to_string(index - 1);
  return {};
}

Status Complete(const Options& options, LocalRun& run) {
  api::TestsSpec& tests = run.request.tests;
  if (!options.report_paths.empty()) tests.report_paths = options.report_paths;
  if (!tests.command.empty()) tests.framework = api::Framework::kCommand;
  if (!options.framework.empty()) {
    const auto framework = api::ParseFramework(options.framework);
    if (!framework) return Fail(Context("--framework", framework.error()));
    tests.framework = *framework;
  }
  if (Status taken = TakeVariables(options.variables, run.variables); !taken) return taken;
  return options.shard.empty() ? Status() : TakeShard(options.shard, run);
}

std::string ReadWhole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string FailuresText(const api::RunSummary& summary) {
  if (summary.failures.empty()) return {};
  std::string text = "\nfailed tests:\n";
  for (const api::TestFailure& failure : summary.failures) {
    text += "  " + failure.name + (failure.file.empty() ? "" : " (" + failure.file + ")") + "\n";
    if (!failure.message.empty()) text += "      " + failure.message + "\n";
  }
  if (summary.failures_omitted > 0) {
    text += "  and " + std::to_string(summary.failures_omitted) + " more\n";
  }
  return text;
}

}  // namespace

Result<LocalRun> ParseLocalRun(const std::vector<std::string>& arguments) {
  LocalRun run;
  Options options;
  CLI::App cli(
      "Checks one commit out into a temporary folder, runs its tests there, and says how "
      "they ended.",
      "committest-runner local");
  Describe(cli, run, options);
  const auto end = std::ranges::find(arguments, "--");
  if (end != arguments.end()) run.request.tests.command.assign(end + 1, arguments.end());
  // The library takes them from the back.
  std::vector<std::string> reversed(std::make_reverse_iterator(end), arguments.rend());
  try {
    cli.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    run.print = cli.help();
    return run;
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalidArgument,
                OneLine(error.what()) + "; see committest-runner local --help");
  }
  if (Status completed = Complete(options, run); !completed) return Fail(completed.error());
  return run;
}

int RunLocally(const LocalRun& run, Environment environment, const Clock& clock,
               OutputStream& console) {
  const auto configured = environment.find("TMPDIR");
  const PrivateFolder folder(configured == environment.end() || configured->second.empty()
                                 ? fs::path("/tmp")
                                 : fs::path(configured->second));
  const fs::path temporary = folder.Path() / "tmp";
  const fs::path summary_file = folder.Path() / "summary.json";
  fs::create_directory(temporary);
  for (const auto& [name, value] : run.variables) environment[name] = value;
  environment[api::kRunRequestVariable] =
      api::ToJson(run.request).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  environment["COMMITTEST_WORKSPACE"] = (folder.Path() / "workspace").string();
  environment["TMPDIR"] = temporary.string();
  environment["COMMITTEST_TERMINATION_LOG"] = summary_file.string();
  const int exit_code = App(Part::kAll, std::move(environment), clock, console).Run();
  if (const auto summary = api::ParseSummary(ReadWhole(summary_file))) {
    console.Take(FailuresText(*summary));
    console.Flush(kFlushLimit);
  }
  return exit_code;
}

}  // namespace committest::runner

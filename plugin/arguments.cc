#include "plugin/arguments.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

#include <CLI/CLI.hpp>

#include "common/api/commit_id.h"
#include "common/base/strings.h"

namespace committest::plugin {
namespace {

constexpr const char* kAbout = "Runs, follows and explains CommitTests.";

constexpr const char* kFooter =
    R"(Exit status of watch and of --wait: 0 Passed, 3 Failed, 4 Error, 5 Cancelled, 6 Skipped. Of all
commands: 1 something went wrong, 2 wrong usage.

The cluster is that of kubectl: --kubeconfig, else $KUBECONFIG, else ~/.kube/config, else the Pod's
service account. NO_COLOR switches colours off.)";

// What CLI11 fills in; the rest goes straight into the invocation.
struct Given {
  std::string output = "text";
  std::string color = "auto";
  std::string framework;
  std::vector<std::string> variables;
  std::vector<std::string> resources;
  std::vector<std::string> report_paths;
};

struct Command {
  Verb verb;
  const char* name;
  const char* about;
  void (*declare)(CLI::App&, Invocation&, Given&);
};

void TakeName(CLI::App& cli, Invocation& call) {
  cli.add_option("NAME", call.name, "The CommitTest")->required();
}

void TakeWait(CLI::App& cli, Invocation& call) {
  cli.add_flag("--wait", call.wait, "Follow it until there is a verdict, which is the exit status");
}

void DeclareRun(CLI::App& cli, Invocation& call, Given& given) {
  api::CommitTestSpec& spec = call.spec;
  cli.add_option("URL", spec.source.url,
                 "The repository, by https://, http:// or, with credentials, ssh://")
      ->required();
  cli.add_option("COMMIT", spec.source.commit, "All 40 or 64 digits of the commit")->required();
  cli.add_option("--ref", spec.source.ref,
                 "Where the commit was seen, for servers that do not give out commits by name");
  cli.add_option("--name", call.name, "Its name (default: made of repository and commit)");
  cli.add_option("--repository", spec.repository_name,
                 "The ObservedRepository in whose queue it waits");
  cli.add_option(
      "--credentials-secret", spec.credentials_secret_name,
      "The Secret with the credentials of a private repository, one that the installation "
      "lists");
  cli.add_option("--image", spec.execution.image, "The image in which the tests run");
  cli.add_option("--framework", given.framework,
                 "What runs the tests (default: Auto, or Command if there is one)");
  cli.add_option("--path", spec.tests.path, "Folder of the tests (default: tests)");
  cli.add_option("--report", given.report_paths,
                 "Glob of JUnit reports that a command leaves; may be repeated")
      ->allow_extra_args(false);
  cli.add_flag("--allow-no-tests", spec.tests.allow_no_tests, "A run without a test may pass");
  cli.add_option("--env", given.variables, "NAME=VALUE for the tests; may be repeated")
      ->allow_extra_args(false);
  cli.add_option("--resource", given.resources,
                 "NAME=QUANTITY, such as memory=1Gi; may be repeated")
      ->allow_extra_args(false);
  cli.add_option("--timeout", spec.execution.timeout_seconds,
                 "Limit of the tests in seconds (default: 1800)");
  cli.add_option("--failed-test-reruns", spec.retry.failed_test_reruns,
                 "How often failing tests are run again, 0 to 5 (default: 0)");
  cli.add_option("--priority", spec.priority, "Higher goes first in the repository's queue");
  TakeWait(cli, call);
  cli.footer(
      "Behind -- stands a command that runs the tests and leaves JUnit reports:\n"
      "  kubectl committest run https://git.example.com/app.git 1a2b3c4d… -- make check");
}

void DeclareRerun(CLI::App& cli, Invocation& call, Given& /*given*/) {
  TakeName(cli, call);
  TakeWait(cli, call);
}

void DeclareNamed(CLI::App& cli, Invocation& call, Given& /*given*/) { TakeName(cli, call); }

void DeclareLogs(CLI::App& cli, Invocation& call, Given& /*given*/) {
  TakeName(cli, call);
  cli.add_flag("-f,--follow", call.follow,
               "Wait for the Pod and go on until the verdict, also over a new attempt");
}

void DeclareWatch(CLI::App& cli, Invocation& call, Given& /*given*/) {
  cli.add_option("NAME", call.name, "The CommitTest; without one, all of the namespace");
  cli.add_option("-l,--selector", call.selector, "Those with these labels");
}

void DeclareReproduce(CLI::App& cli, Invocation& call, Given& /*given*/) {
  TakeName(cli, call);
  cli.add_flag("--local", call.local,
               "A line for committest-runner, which needs neither docker nor podman");
}

constexpr std::array<Command, 7> kCommands = {{
    {Verb::kRun, "run", "Test a commit", &DeclareRun},
    {Verb::kRerun, "rerun", "Test the commit of a CommitTest once more", &DeclareRerun},
    {Verb::kCancel, "cancel", "Ask for a CommitTest's end", &DeclareRerun},
    {Verb::kLogs, "logs", "Print what its newest attempt has printed", &DeclareLogs},
    {Verb::kWatch, "watch", "Print a line for each change until there is a verdict", &DeclareWatch},
    {Verb::kWhy, "why", "Explain what happened, what it waits for, and what to do", &DeclareNamed},
    {Verb::kReproduce, "reproduce", "Print a line that repeats the run on your machine",
     &DeclareReproduce},
}};

void DeclareCommon(CLI::App& cli, Invocation& call, Given& given) {
  cli.add_option("-n,--namespace", call.namespace_, "Where the CommitTest is");
  cli.add_option("--context", call.cluster.context, "Which context of the kubeconfig");
  cli.add_option("--kubeconfig", call.cluster.kubeconfig, "Which kubeconfig");
  cli.add_option("-o,--output", given.output, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  cli.add_option("--color", given.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
}

std::unique_ptr<CLI::App> Declare(Invocation& call, Given& given) {
  auto cli = std::make_unique<CLI::App>(kAbout, "kubectl committest");
  cli->footer(kFooter);
  cli->require_subcommand(1);
  cli->set_version_flag("--version", std::string("kubectl-committest ") + COMMITTEST_VERSION);
  for (const Command& command : kCommands) {
    CLI::App* sub = cli->add_subcommand(command.name, command.about);
    command.declare(*sub, call, given);
    DeclareCommon(*sub, call, given);
    sub->callback([&call, verb = command.verb] { call.verb = verb; });
  }
  return cli;
}

Result<std::pair<std::string, std::string>> Pair(const char* option, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Fail(
        ErrorCode::kInvalidArgument,
        std::string(option) + " is '" + OneLine(Truncate(text, 80)) + "', expected NAME=VALUE");
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Status CompleteSpec(const Given& given, api::CommitTestSpec& spec) {
  if (!given.report_paths.empty()) spec.tests.report_paths = given.report_paths;
  if (!spec.tests.command.empty()) spec.tests.framework = api::Framework::kCommand;
  if (!given.framework.empty()) {
    const auto framework = api::ParseFramework(given.framework);
    if (!framework) return Fail(Context("--framework", framework.error()));
    spec.tests.framework = *framework;
  }
  for (const std::string& variable : given.variables) {
    auto pair = Pair("--env", variable);
    if (!pair) return Fail(pair.error());
    spec.execution.env.push_back({pair->first, pair->second});
  }
  for (const std::string& resource : given.resources) {
    auto pair = Pair("--resource", resource);
    if (!pair) return Fail(pair.error());
    spec.execution.resources.insert(*pair);
  }
  if (api::IsCommitId(spec.source.commit)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "COMMIT is '" + OneLine(Truncate(spec.source.commit, 80)) +
                  "', expected all 40 or 64 hexadecimal digits; git rev-parse or git ls-remote "
                  "prints them");
}

Status Complete(const Given& given, Invocation& call) {
  call.output = given.output == "json" ? OutputFormat::kJson : OutputFormat::kText;
  call.color = given.color == "always"  ? ColorChoice::kAlways
               : given.color == "never" ? ColorChoice::kNever
                                        : ColorChoice::kAuto;
  if (call.verb == Verb::kLogs && call.output == OutputFormat::kJson) {
    return Fail(ErrorCode::kInvalidArgument, "a log is text: logs takes no -o json");
  }
  if (call.verb == Verb::kWatch && !call.name.empty() && !call.selector.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "watch takes a NAME or a selector, not both");
  }
  if (call.verb != Verb::kRun) return {};
  return CompleteSpec(given, call.spec);
}

Invocation Printing(std::string text) {
  Invocation call;
  call.print = std::move(text);
  return call;
}

std::vector<Word> OptionsOf(const CLI::App& cli) {
  std::vector<Word> words;
  for (const CLI::Option* option : cli.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      words.push_back({"--" + name, option->get_description()});
    }
  }
  return words;
}

}  // namespace

Result<Invocation> ParseArguments(const std::vector<std::string>& arguments) {
  Invocation call;
  Given given;
  const auto cli = Declare(call, given);
  const auto end = std::ranges::find(arguments, "--");
  const bool has_command = end != arguments.end();
  if (has_command) call.spec.tests.command.assign(end + 1, arguments.end());
  try {
    // CLI11 takes its arguments from the end.
    cli->parse(std::vector<std::string>(std::make_reverse_iterator(end), arguments.rend()));
    if (has_command && call.verb != Verb::kRun) {
      return Fail(ErrorCode::kInvalidArgument, "only run takes a command behind --");
    }
    if (Status completed = Complete(given, call); !completed) return Fail(completed.error());
  } catch (const CLI::CallForHelp&) {
    return Printing(cli->help());
  } catch (const CLI::CallForVersion&) {
    return Printing(std::string("kubectl-committest ") + COMMITTEST_VERSION + "\n");
  } catch (const CLI::ParseError& error) {
    return Fail(ErrorCode::kInvalidArgument, OneLine(error.what()));
  }
  return call;
}

std::vector<Word> CommandWords() {
  std::vector<Word> words;
  words.reserve(kCommands.size());
  for (const Command& command : kCommands) words.push_back({command.name, command.about});
  return words;
}

std::vector<Word> OptionWords(const std::string& command) {
  Invocation call;
  Given given;
  const auto cli = Declare(call, given);
  const auto found = cli->get_subcommands(
      [&](const CLI::App* candidate) { return candidate->get_name() == command; });
  return OptionsOf(found.empty() ? *cli : *found.front());
}

}  // namespace committest::plugin

// `committest-runner local`, and the lines that the status and `reproduce` give, run by a real shell
// against a real Git server. No container engine is needed: a small program takes docker's place,
// hands the variables of the line to the real runner, and leaves the fences out.

#include <fstream>

#include <gmock/gmock.h>

#include "common/api/reproduce.h"
#include "tests/unit/runner-image/run_fixture.h"

namespace committest::runner {
namespace {

using testing::CommandEnd;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// create, start, run and rm, of one container at a time; a volume is a folder.
constexpr const char* kDocker = R"(#!/bin/sh
set -eu
state=$TMPDIR/docker-state
verb=$1
shift
case $verb in
  start) . "$state/variables"; exec committest-runner checkout ;;
  rm) rm -rf "$state"; exit ;;
esac
program=committest-runner
while [ $# -gt 0 ]; do
  case $1 in
    --env) export "$2"; shift ;;
    --volumes-from) shift ;;
    --entrypoint=/committest/*) program=$state/handover/${1##*/} ;;
    --*) ;;
    *) break ;;
  esac
  shift
done
echo "image $1" >&2
shift
if [ "$verb" = create ]; then
  mkdir -p "$state/handover"
  export COMMITTEST_HANDOVER="$state/handover"
  export -p > "$state/variables"
  echo id
  exit
fi
[ -d "$state" ] && export COMMITTEST_HANDOVER="$state/handover"
exec "$program" "$@"
)";

const char* const kFailing =
    "import unittest\nclass A(unittest.TestCase):\n  def test_one(self): pass\n"
    "  def test_two(self): self.assertEqual(1, 2)\n";

// Looks at its variable and argument, so that a line which loses a byte of either is found out.
const char* const kCheck = R"(
import os, sys
assert os.environ['HOSTILE'] == sys.argv[1], (os.environ['HOSTILE'], sys.argv[1])
open('junit.xml', 'w').write('<testsuite><testcase name="t"/></testsuite>')
)";

class RunAgainTest : public RunTest {
 protected:
  RunAgainTest() {
    const std::filesystem::path bin = File("bin");
    for (const auto& folder : {bin, File("tmp")}) std::filesystem::create_directory(folder);
    std::filesystem::create_symlink(COMMITTEST_RUNNER, bin / "committest-runner");
    std::ofstream(bin / "docker") << kDocker;
    std::filesystem::permissions(bin / "docker", std::filesystem::perms::owner_all);
  }

  CommandEnd Paste(const std::string& line) {
    return testing::RunCommand({"/bin/sh", "-c", line}, Options());
  }
  CommandEnd Local(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"committest-runner", "local"});
    return testing::RunCommand(std::move(arguments), Options());
  }

  api::CommitTestSpec SpecFor(const std::map<std::string, std::string>& files) {
    const api::RunRequest request = RequestFor(files);
    api::CommitTestSpec spec;
    spec.source = {request.url, request.commit, request.ref, "", ""};
    spec.tests = request.tests;
    return spec;
  }
  static std::vector<std::string> LinesFor(const api::CommitTestSpec& spec) {
    const api::ContainerDefaults defaults{"runner:1", "512Mi"};
    api::CommitTestSpec with_image = spec;
    with_image.execution.image = "registry.example/tests:1";
    return {api::ReproduceCommand(spec, defaults), api::ReproduceCommand(with_image, defaults),
            api::LocalCommand(spec)};
  }

 private:
  testing::Command::Options Options() {
    return {.environment = {{"PATH", File("bin").string() + ":/usr/bin:/bin"},
                            {"TMPDIR", File("tmp").string()},
                            {"COMMITTEST_WORKSPACE", File("workspace").string()}},
            .directory = File("tmp")};
  }
};

TEST_F(RunAgainTest, RepeatsAFailureByEachLine) {
  for (const std::string& line : LinesFor(SpecFor({{"tests/test_a.py", kFailing}}))) {
    const CommandEnd end = Paste(line);
    EXPECT_EQ(end.exit_code, 10) << line << "\n" << end.output;
    EXPECT_THAT(end.output, HasSubstr("committest: Failed (TestsFailed): 1 of 2 tests failed"));
    EXPECT_THAT(end.output, HasSubstr("test_two"));
  }
}

TEST_F(RunAgainTest, LocallyAlsoOneShardAlone) {
  const auto request = RequestFor({{"tests/test_a.py", kFailing}, {"tests/test_b.py", kFailing}});
  const CommandEnd end =
      Local({request.url, request.commit, "--ref=" + request.ref, "--shard=2/2"});
  EXPECT_EQ(end.exit_code, 10) << end.output;
  EXPECT_THAT(end.output, HasSubstr("shard 2 of 2 has 1 of 2 modules"));
  EXPECT_THAT(end.output, HasSubstr("1 of 2 tests failed"));
  for (const char* shard : {"0/2", "3/2", "1/1", "1/17", "1", "1/2/3", "a/2", "1/"}) {
    const CommandEnd refused =
        Local({request.url, request.commit, std::string("--shard=") + shard});
    EXPECT_EQ(refused.exit_code, 60) << shard;
    EXPECT_THAT(refused.output, HasSubstr("expected I/N")) << shard;
  }
}

TEST_F(RunAgainTest, ChecksOutInTheRunnersImageAndRunsInTheSpecs) {
  api::CommitTestSpec spec = SpecFor({{"tests/test_a.py", kFailing}});
  spec.execution.image = "registry.example/tests:1";
  const CommandEnd end = Paste(api::ReproduceCommand(spec, {"runner:1", "512Mi"}));
  EXPECT_EQ(end.exit_code, 10) << end.output;
  EXPECT_THAT(end.output, HasSubstr("image runner:1\n"));
  EXPECT_THAT(end.output, HasSubstr("image registry.example/tests:1\n"));
  EXPECT_FALSE(std::filesystem::exists(File("tmp/docker-state")));
}

TEST_F(RunAgainTest, EndsAsACheckoutThatFailed) {
  api::CommitTestSpec spec = SpecFor({{"a", "b"}});
  spec.source.commit = std::string(40, 'a');
  spec.execution.image = "registry.example/tests:1";
  const CommandEnd end = Paste(api::ReproduceCommand(spec, {"runner:1", "512Mi"}));
  EXPECT_EQ(end.exit_code, 21) << end.output;
}

TEST_F(RunAgainTest, HandsHostileTextsOverUnchanged) {
  for (const std::string& hostile :
       {std::string("it's; touch pwned; $(touch pwned) `touch pwned` \\'\" !! *"),
        std::string("\x1b[201~\ntouch pwned\n \\0101 %s \xC3\xA9 \xE2\x80\xAE x")}) {
    api::CommitTestSpec spec = SpecFor({{"check.py", kCheck}});
    spec.tests.framework = api::Framework::kCommand;
    spec.tests.command = {"python3", "check.py", hostile};
    spec.execution.env = {{"HOSTILE", hostile}};
    for (const std::string& line : LinesFor(spec)) {
      const CommandEnd end = Paste(line);
      EXPECT_EQ(end.exit_code, 0) << line << "\n" << end.output;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(File("tmp/pwned")));
}

TEST_F(RunAgainTest, RunsACommitLocallyAndSaysWhichTestsFailed) {
  const api::RunRequest request = RequestFor({{"tests/test_a.py", kFailing}});
  const CommandEnd end = Local({request.url, request.commit});
  EXPECT_EQ(end.exit_code, 10);
  EXPECT_THAT(end.output, HasSubstr("failed tests:\n  test_a.A.test_two (tests/test_a.py)"));
  EXPECT_THAT(end.output, Not(HasSubstr("\"runnerVersion\"")));
  EXPECT_THAT(std::filesystem::directory_iterator(File("tmp")),
              ::testing::Truly([](auto entries) { return entries == decltype(entries)(); }));
}

TEST_F(RunAgainTest, PassesLocally) {
  const api::RunRequest request = RequestFor({{"checks/test_a.py",
                                               "import unittest\nclass A(unittest.TestCase):\n"
                                               "  def test_one(self): pass\n"}});
  const CommandEnd end = Local({"--path=checks", "--framework", "Unittest", "--ref=refs/heads/main",
                                request.url, request.commit});
  EXPECT_EQ(end.exit_code, 0) << end.output;
  EXPECT_THAT(end.output, HasSubstr("committest: Passed (TestsPassed)"));
}

TEST_F(RunAgainTest, SaysWhatIsWrongWithALocalRequest) {
  const std::string commit(40, 'a');
  struct Row {
    std::vector<std::string> arguments;
    const char* said;
  };
  for (const Row& row : std::initializer_list<Row>{
           {{}, "URL is required"},
           {{"https://git.example/x"}, "COMMIT is required"},
           {{"--bogus", "https://git.example/x", commit}, "--bogus"},
           {{"--framework=Nose", "https://git.example/x", commit}, "'Nose'"},
           {{"--env=X", "https://git.example/x", commit}, "expected NAME=VALUE"},
           {{"https://git.example/x", "main"}, "commit"},
           {{"/srv/git/x", commit}, "expected https://"}}) {
    const CommandEnd end = Local(row.arguments);
    EXPECT_EQ(end.exit_code, 60) << end.output;
    EXPECT_THAT(end.output, HasSubstr(row.said));
  }
}

TEST_F(RunAgainTest, HelpsLocally) {
  const CommandEnd end = Local({"--help"});
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_THAT(end.output, HasSubstr("committest-runner local [OPTIONS] URL COMMIT"));
}

}  // namespace
}  // namespace committest::runner

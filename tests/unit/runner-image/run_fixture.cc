#include "tests/unit/runner-image/run_fixture.h"

#include <algorithm>
#include <filesystem>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPath = "/usr/bin:/bin:/usr/sbin:/sbin";

}  // namespace

std::unique_ptr<testing::GitServer> RunTest::server_;
int RunTest::repositories_ = 0;

void RunTest::SetUpTestSuite() { server_ = std::make_unique<testing::GitServer>(); }
void RunTest::TearDownTestSuite() { server_.reset(); }

api::RunRequest RunTest::RequestOf(const std::string& url, const std::string& commit) {
  api::RunRequest request;
  request.url = url;
  request.commit = commit;
  request.ref = "refs/heads/main";
  request.timeout_seconds = 60;
  return request;
}

api::RunRequest RunTest::RequestFor(const std::map<std::string, std::string>& files) {
  const std::string name = std::to_string(++repositories_);
  testing::GitRepository repository = server().CreateRepository(name);
  const std::string commit = repository.Commit(files);
  return RequestOf(server().Url(name), commit);
}

RunEnd RunTest::RunFiles(const std::map<std::string, std::string>& files) {
  return Run(RequestFor(files));
}

RunEnd RunTest::RunFilesWith(const std::map<std::string, std::string>& files,
                             std::vector<std::string> command) {
  api::RunRequest request = RequestFor(files);
  request.tests.framework = api::Framework::kCommand;
  request.tests.command = std::move(command);
  return Run(request);
}

std::unique_ptr<testing::Command> RunTest::Start(const api::RunRequest& request,
                                                 std::vector<std::string> prefix,
                                                 std::vector<std::string> program) {
  fs::create_directories(File("tmp"));
  std::map<std::string, std::string> environment = {
      {"PATH", kPath},
      {"COMMITTEST_RUN", api::ToJson(request).dump()},
      {"COMMITTEST_WORKSPACE", File("workspace").string()},
      {"TMPDIR", File("tmp").string()},
      {"COMMITTEST_TERMINATION_LOG", File("termination-log").string()},
      {"COMMITTEST_GRACE_SECONDS", "1"}};
  for (const auto& [name, value] : environment_) environment[name] = value;
  prefix.insert(prefix.end(), program.begin(), program.end());
  return std::make_unique<testing::Command>(
      std::move(prefix), testing::Command::Options{.environment = std::move(environment),
                                                   .directory = "/",
                                                   .timeout = std::chrono::seconds(90)});
}

RunEnd RunTest::Finish(testing::Command& command) {
  RunEnd end;
  end.process = command.Wait();
  end.termination_log = testing::ReadTestFile(File("termination-log"));
  if (auto summary = api::ParseSummary(end.termination_log)) end.summary = *std::move(summary);
  return end;
}

RunEnd RunTest::Run(const api::RunRequest& request) { return Finish(*Start(request)); }

RunEnd RunTest::RunAsInit(const api::RunRequest& request) {
  return Finish(*Start(request, {"unshare", "--fork", "--pid", "--mount-proc", "--kill-child"}));
}

RunEnd RunTest::RunAsOrdinaryUser(const api::RunRequest& request) {
  fs::create_directories(File("tmp"));
  for (const fs::path& folder : {folder_.path(), File("tmp")}) {
    EXPECT_EQ(chown(folder.c_str(), 10001, 10001), 0);
  }
  return Finish(*Start(request, {"setpriv", "--reuid=10001", "--regid=10001", "--clear-groups"}));
}

void ExpectEnd(const RunEnd& end, api::RunnerExit exit, const std::string& reason) {
  const std::string context = end.output() + "\n" + end.termination_log;
  EXPECT_EQ(end.process.exit_code, static_cast<int>(exit)) << context;
  EXPECT_EQ(end.summary.reason, reason) << context;
  EXPECT_FALSE(end.summary.message.empty()) << context;
  EXPECT_LE(end.termination_log.size(), api::kMaxSummaryBytes);
}

bool IsProcessAlive(const std::string& marker) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (testing::ReadTestFile(entry.path() / "cmdline").find(marker) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace committest::runner

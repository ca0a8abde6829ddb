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
  const fs::path log = File("termination-log");
  // Tests may have put a pipe or a link in its place.
  if (fs::is_regular_file(fs::symlink_status(log)))
    end.termination_log = testing::ReadTestFile(log);
  if (auto summary = api::ParseSummary(end.termination_log)) end.summary = *std::move(summary);
  return end;
}

RunEnd RunTest::Run(const api::RunRequest& request) { return Finish(*Start(request)); }

RunEnd RunTest::RunBehind(const api::RunRequest& request, const std::vector<Prefix>& prefixes) {
  std::vector<std::string> words;
  for (const Prefix prefix : prefixes) {
    for (std::string& word : Words(prefix)) words.push_back(std::move(word));
    if (prefix == Prefix::kOrdinaryUser) GiveFoldersTo(10001);
  }
  return Finish(*Start(request, std::move(words)));
}

void RunTest::RequireNamespaces() {
  const auto probe = testing::RunCommand(
      {"unshare", "--fork", "--pid", "--mount-proc", "true"},
      {.environment = {{"PATH", kPath}}, .directory = {}, .timeout = std::chrono::seconds(10)});
  if (probe.exit_code != 0) GTEST_SKIP() << "no PID namespaces here: " << probe.output;
}

std::vector<std::string> RunTest::Words(Prefix prefix) const {
  const auto small = [this](const char* folder, const char* size) {
    fs::create_directories(File(folder));
    return std::vector<std::string>{
        "unshare",
        "--mount",
        "sh",
        "-c",
        R"(mount -t tmpfs -o "size=$1,mode=1777" tmpfs "$2" && shift 2 && exec "$@")",
        "sh",
        size,
        File(folder).string()};
  };
  switch (prefix) {
    case Prefix::kInit:
      return {"unshare", "--fork", "--pid", "--mount-proc", "--kill-child"};
    case Prefix::kOrdinaryUser:
      return {"setpriv", "--reuid=10001", "--regid=10001", "--clear-groups"};
    case Prefix::kSmallTemporary:
      return small("tmp", "128k");
    case Prefix::kSmallWorkspace:
      return small("workspace", "512k");
  }
  return {};
}

void RunTest::RemoveAll(const fs::path& folder) {
  testing::RunCommand({"rm", "-rf", folder.string()},
                      {.environment = {{"PATH", kPath}}, .directory = {}});
}

void RunTest::GiveFoldersTo(unsigned user) const {
  fs::create_directories(File("tmp"));
  for (const fs::path& folder : {folder_.path(), File("tmp")}) {
    EXPECT_EQ(chown(folder.c_str(), user, user), 0);
  }
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

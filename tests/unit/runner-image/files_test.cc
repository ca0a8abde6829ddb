#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner-image/config.h"
#include "runner-image/listing.h"
#include "runner-image/private_folder.h"
#include "runner-image/report_files.h"
#include "runner-image/request.h"
#include "runner-image/summary.h"
#include "tests/support/temporary_folder.h"

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ReadTestFile;
using testing::WriteTestFile;

constexpr const char* kOnePass = "<testsuite><testcase name='a'/></testsuite>";
constexpr const char* kOneFailure =
    "<testsuite><testcase name='b'><failure/></testcase></testsuite>";
const std::vector<std::string> kGlobs = {"**/junit*.xml"};

class Reports : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    WriteTestFile(folder_.path() / name, content);
  }
  std::string ErrorOf(ErrorCode code, const FileStamps& before = {}) {
    const auto report = ReadReports(folder_.path(), kGlobs, before);
    EXPECT_FALSE(report);
    if (report) return "";
    EXPECT_EQ(report.error().code, code);
    return report.error().message;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Reports, AreSummed) {
  Write("junit.xml", kOnePass);
  Write("a/b/junit-2.xml", kOneFailure);
  Write("a/other.xml", kOneFailure);
  const auto report = ReadReports(folder_.path(), kGlobs, {});
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->counts, (api::TestCounts{2, 1, 1, 0, 0}));
}

TEST_F(Reports, ThatWereThereBeforeDoNotCount) {
  Write("junit.xml", kOnePass);
  const auto before = FindReports(folder_.path(), kGlobs);
  ASSERT_TRUE(before);
  EXPECT_THAT(ErrorOf(ErrorCode::kNotFound, *before), HasSubstr("did not change"));
}

TEST_F(Reports, ThatWereWrittenAnewCountEvenWithTheirOldTimeAndSize) {
  Write("junit.xml", kOnePass);
  const auto before = FindReports(folder_.path(), kGlobs);
  ASSERT_TRUE(before);
  const auto time = fs::last_write_time(folder_.path() / "junit.xml");
  Write("junit.xml", kOnePass);
  fs::last_write_time(folder_.path() / "junit.xml", time);
  EXPECT_TRUE(ReadReports(folder_.path(), kGlobs, *before));
}

TEST_F(Reports, AreMissedInWords) {
  EXPECT_EQ(ErrorOf(ErrorCode::kNotFound), "looked for **/junit*.xml");
}

TEST_F(Reports, AreAllRefusedWhenOneCannotBeRead) {
  Write("junit-1.xml", kOnePass);
  Write("junit-2.xml", "<testsuite>");
  EXPECT_THAT(ErrorOf(ErrorCode::kDataLoss), HasSubstr("junit-2.xml"));
}

TEST_F(Reports, BehindSymbolicLinksAreNotRead) {
  testing::TemporaryFolder elsewhere;
  WriteTestFile(elsewhere.path() / "junit.xml", kOnePass);
  fs::create_symlink(elsewhere.path() / "junit.xml", folder_.path() / "junit.xml");
  fs::create_directory_symlink(elsewhere.path(), folder_.path() / "folder");
  ErrorOf(ErrorCode::kNotFound);
}

TEST_F(Reports, InPlaceOfWhichThereIsAPipeAreNotWaitedFor) {
  ASSERT_EQ(mkfifo((folder_.path() / "junit.xml").c_str(), 0600), 0);
  ErrorOf(ErrorCode::kNotFound);
}

TEST_F(Reports, InTheGitFolderAreNotLookedFor) {
  Write(".git/junit.xml", kOnePass);
  Write("sub/.git/junit.xml", kOnePass);
  ErrorOf(ErrorCode::kNotFound);
}

TEST_F(Reports, AreAtMostSixtyFour) {
  for (int i = 0; i < 65; ++i) Write("junit-" + std::to_string(i) + ".xml", kOnePass);
  EXPECT_THAT(ErrorOf(ErrorCode::kDataLoss), HasSubstr("65 reports"));
}

TEST_F(Reports, OfTheFrameworkMustExistAndBePlainFiles) {
  const fs::path path = folder_.path() / "report.xml";
  EXPECT_EQ(ReadOwnReport(path).error().code, ErrorCode::kNotFound);
  fs::create_directory(path);
  EXPECT_EQ(ReadOwnReport(path).error().code, ErrorCode::kDataLoss);
}

class ListingTest : public Reports {};

TEST_F(ListingTest, ListsTheTestsFolderAndTheTop) {
  Write("setup.py", "");
  Write("tests/test_a.py", "");
  Write("tests/unit/test_b.py", "");
  Write("other/test_c.py", "");
  Write("pytest.ini", "[pytest]");
  const auto listing = ListCheckout(folder_.path(), "./tests/");
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->path_exists);
  EXPECT_FALSE(listing->path_is_file);
  EXPECT_THAT(listing->path_files, ElementsAre("tests/test_a.py", "tests/unit/test_b.py"));
  EXPECT_THAT(listing->root_files, ElementsAre("pytest.ini", "setup.py"));
  EXPECT_THAT(listing->configuration, ElementsAre(::testing::Pair("pytest.ini", "[pytest]")));
}

TEST_F(ListingTest, ListsTheWholeCheckout) {
  Write("test_a.py", "");
  Write(".git/test_x.py", "");
  EXPECT_THAT(ListCheckout(folder_.path(), ".")->path_files, ElementsAre("test_a.py"));
}

TEST_F(ListingTest, SaysWhenThePathIsAbsentOrAFile) {
  Write("a.py", "");
  EXPECT_FALSE(ListCheckout(folder_.path(), "tests")->path_exists);
  EXPECT_TRUE(ListCheckout(folder_.path(), "a.py")->path_is_file);
}

TEST_F(ListingTest, DoesNotFollowALinkOutOfTheCheckout) {
  fs::create_directory_symlink("/etc", folder_.path() / "tests");
  EXPECT_EQ(ListCheckout(folder_.path(), "tests").error().code, ErrorCode::kNotFound);
}

TEST_F(ListingTest, FollowsALinkInsideTheCheckoutAndLoopsDoNoHarm) {
  Write("src/checks/test_a.py", "");
  fs::create_directory_symlink("src/checks", folder_.path() / "tests");
  fs::create_directory_symlink("..", folder_.path() / "src/checks/loop");
  EXPECT_THAT(ListCheckout(folder_.path(), "tests")->path_files, ElementsAre("tests/test_a.py"));
}

TEST_F(ListingTest, DoesNotReadAConfigurationThatIsALink) {
  WriteTestFile(folder_.path() / "real", "");
  fs::create_symlink("real", folder_.path() / "pytest.ini");
  EXPECT_THAT(ListCheckout(folder_.path(), "tests")->configuration, IsEmpty());
}

api::RunSummary SummaryOf(const std::string& commit) {
  api::RunSummary summary;
  summary.commit = commit;
  return summary;
}

TEST(Summary, IsWrittenIntoTheFileThatTheKubeletMade) {
  testing::TemporaryFolder folder;
  const fs::path path = folder.path() / "log";
  WriteTestFile(path, std::string(5000, 'x'));
  OutputStream console(-1);
  WriteSummary(SummaryOf("abc"), {path, false}, console);
  const auto summary = api::ParseSummary(ReadTestFile(path));
  ASSERT_TRUE(summary) << summary.error().message;
  EXPECT_EQ(summary->commit, "abc");
  EXPECT_EQ(console.BlockedOn(), -1);
}

TEST(Summary, GoesToTheConsoleWhenThereIsNoSuchFile) {
  testing::TemporaryFolder folder;
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe(ends), 0);
  OutputStream console(ends[1]);
  WriteSummary(SummaryOf("abc"), {folder.path() / "none", false}, console);
  console.Flush(std::chrono::seconds(1));
  char buffer[4096];
  const ssize_t count = read(ends[0], buffer, sizeof(buffer));
  ASSERT_GT(count, 0);
  EXPECT_EQ(buffer[count - 1], '\n');
  EXPECT_TRUE(api::ParseSummary({buffer, static_cast<std::size_t>(count)}));
  EXPECT_FALSE(fs::exists(folder.path() / "none"));
  close(ends[0]);
  close(ends[1]);
}

TEST(Summary, IsNotWrittenThroughALink) {
  testing::TemporaryFolder folder;
  WriteTestFile(folder.path() / "victim", "untouched");
  fs::create_symlink("victim", folder.path() / "log");
  OutputStream console(-1);
  WriteSummary({}, {folder.path() / "log", true}, console);
  EXPECT_EQ(ReadTestFile(folder.path() / "victim"), "untouched");
}

TEST(PrivateFolder, IsForThisUserOnlyAndIsRemoved) {
  testing::TemporaryFolder parent;
  fs::path path;
  {
    const PrivateFolder folder(parent.path());
    path = folder.Path();
    WriteNewFile(path / "a", "text");
    EXPECT_EQ(fs::status(path).permissions(), fs::perms::owner_all);
    EXPECT_THROW(WriteNewFile(path / "a", "again"), std::system_error);
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_THROW(PrivateFolder(parent.path() / "none"), std::system_error);
}

TEST(Config, HasTheDefaultsOfTheContract) {
  const auto config = ReadConfig({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->workspace, "/workspace");
  EXPECT_EQ(config->temporary, "/tmp");
  EXPECT_EQ(config->summary.path, "/dev/termination-log");
  EXPECT_FALSE(config->summary.create);
  EXPECT_EQ(config->output_limit_bytes, 67108864U);
  EXPECT_EQ(config->checkout_limit, std::chrono::seconds(120));
  EXPECT_EQ(config->grace, std::chrono::seconds(5));
}

TEST(Config, ReadsEveryVariable) {
  const auto config = ReadConfig({{"COMMITTEST_WORKSPACE", "/w"},
                                  {"TMPDIR", "/t"},
                                  {"COMMITTEST_TERMINATION_LOG", "/l"},
                                  {"COMMITTEST_OUTPUT_LIMIT_BYTES", "10"},
                                  {"COMMITTEST_CHECKOUT_TIMEOUT_SECONDS", "7"},
                                  {"COMMITTEST_GRACE_SECONDS", "0"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->workspace, "/w");
  EXPECT_EQ(config->temporary, "/t");
  EXPECT_EQ(config->summary.path, "/l");
  EXPECT_TRUE(config->summary.create);
  EXPECT_EQ(config->output_limit_bytes, 10U);
  EXPECT_EQ(config->checkout_limit, std::chrono::seconds(7));
  EXPECT_EQ(config->grace, std::chrono::seconds(0));
}

TEST(Config, NamesTheVariableThatIsWrong) {
  for (const char* value : {"x", "-1", "1x", "9999999999999999999999"}) {
    const auto config = ReadConfig({{"COMMITTEST_GRACE_SECONDS", value}});
    ASSERT_FALSE(config) << value;
    EXPECT_THAT(config.error().message, HasSubstr("COMMITTEST_GRACE_SECONDS"));
  }
}

std::string Request(const std::string& url, const std::string& more) {
  return R"({"url": ")" + url + R"(", "commit": ")" + std::string(40, 'a') + "\"" + more + "}";
}

TEST(Request, IsReadFromTheVariable) {
  const auto request = ReadRequest({{"COMMITTEST_RUN", Request("http://h/a", "")}});
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->url, "http://h/a");
}

TEST(Request, IsRefusedOutsideThePolicy) {
  for (const std::string& text :
       {std::string("{"), Request("file:///x", ""), Request("http://u:p@h/a", ""),
        Request("http://h/a", R"(, "ref": "-x")"), Request("http://h/a", R"(, "surprise": 1)"),
        Request("http://h/a", R"(, "tests": {"path": "../x"})"),
        Request("http://h/a", R"(, "tests": {"reportPaths": ["/etc/*"]})")}) {
    const auto request = ReadRequest({{"COMMITTEST_RUN", text}});
    ASSERT_FALSE(request) << text;
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(ReadRequest({}));
}

}  // namespace
}  // namespace committest::runner

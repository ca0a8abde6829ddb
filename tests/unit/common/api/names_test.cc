#include "common/api/names.h"

#include <regex>
#include <set>

#include <gtest/gtest.h>

namespace committest::api {
namespace {

const std::string kCommit = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d";

bool IsDnsLabel(const std::string& name) {
  return name.size() <= 63 && std::regex_match(name, std::regex("[a-z0-9]([-a-z0-9]*[a-z0-9])?"));
}

bool IsLabelValue(const std::string& value) {
  return value.size() <= 63 &&
         std::regex_match(value, std::regex("([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"));
}

TEST(CommitTestName, SaysRepositoryCommitAndConfiguration) {
  const std::string name = CommitTestName("app", kCommit, {}, {});
  EXPECT_TRUE(std::regex_match(name, std::regex("app-1a2b3c4d5e6f-[0-9a-f]{6}"))) << name;
  EXPECT_EQ(name, CommitTestName("app", kCommit, {}, {}));
}

TEST(CommitTestName, AnotherConfigurationIsAnotherName) {
  TestsSpec tests;
  tests.path = "other";
  ExecutionSpec execution;
  execution.timeout_seconds = 5;
  const std::set<std::string> names{CommitTestName("app", kCommit, {}, {}),
                                    CommitTestName("app", kCommit, tests, {}),
                                    CommitTestName("app", kCommit, {}, execution)};
  EXPECT_EQ(names.size(), 3U);
}

TEST(CommitTestName, LongRepositoriesStayApart) {
  const std::string common(60, 'x');
  const std::string first = CommitTestName(common + "1", kCommit, {}, {});
  const std::string second = CommitTestName(common + "2", kCommit, {}, {});
  EXPECT_NE(first, second);
  EXPECT_TRUE(IsDnsLabel(first)) << first;
}

TEST(JobName, IsAFunctionOfUidAndAttempt) {
  const std::string name = JobName("app-1a2b3c4d5e6f-abcdef", "uid-1", 1);
  EXPECT_TRUE(IsDnsLabel(name)) << name;
  EXPECT_EQ(name, JobName("app-1a2b3c4d5e6f-abcdef", "uid-1", 1));
  EXPECT_NE(name, JobName("app-1a2b3c4d5e6f-abcdef", "uid-2", 1));
  EXPECT_NE(name, JobName("app-1a2b3c4d5e6f-abcdef", "uid-1", 2));
}

TEST(JobName, IsALabelWhateverTheCommitTestIsCalled) {
  for (const std::string& name : {std::string(253, 'a'), std::string("a.b.c"),
                                  std::string(70, 'a') + ".b", std::string("x")}) {
    EXPECT_TRUE(IsDnsLabel(JobName(name, "uid", 10))) << JobName(name, "uid", 10);
  }
}

TEST(JobName, LeavesRoomForWhatTheJobControllerAppends) {
  const std::string name = JobName(std::string(253, 'a'), "uid", 10, 3);
  EXPECT_EQ(name.size(), 60U);
  EXPECT_TRUE(IsDnsLabel(name));
}

TEST(LabelValue, KeepsWhatIsValid) {
  EXPECT_EQ(LabelValue("main"), "main");
  EXPECT_EQ(LabelValue(""), "");
}

TEST(LabelValue, EncodesWhatIsNotAndKeepsItApart) {
  std::set<std::string> values;
  for (const std::string& text :
       {std::string("feature/x"), std::string("feature-x"), std::string("-x"), std::string("x-"),
        std::string("///"), std::string("\xC3\xA4"), std::string(300, 'b'),
        std::string(300, 'b') + "c", std::string("a b")}) {
    const std::string value = LabelValue(text);
    EXPECT_TRUE(IsLabelValue(value)) << value;
    EXPECT_FALSE(value.empty());
    EXPECT_TRUE(values.insert(value).second) << value;
  }
}

TEST(ShortRef, DropsThePrefix) {
  EXPECT_EQ(ShortRef("refs/heads/release/1"), "release/1");
  EXPECT_EQ(ShortRef("refs/tags/v1"), "tags/v1");
  EXPECT_EQ(ShortRef("HEAD"), "HEAD");
}

TEST(CommitId, IsFortyOrSixtyFourHexDigits) {
  EXPECT_TRUE(IsCommitId(kCommit));
  EXPECT_TRUE(IsCommitId(std::string(64, 'a')));
  EXPECT_FALSE(IsCommitId(std::string(41, 'a')));
  EXPECT_FALSE(IsCommitId(std::string(40, 'A')));
  EXPECT_FALSE(IsCommitId("--upload-pack=x"));
  EXPECT_FALSE(IsCommitId(""));
}

}  // namespace
}  // namespace committest::api

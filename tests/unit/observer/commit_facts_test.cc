#include "observer/commit_facts.h"

#include <string>

#include <gtest/gtest.h>

namespace committest::observer {
namespace {

const std::string kCommit(40, 'a');

api::ObservedRepositorySpec ASpec() {
  api::ObservedRepositorySpec spec;
  spec.paths = {"src/**"};
  api::CommitTestTemplate shared;
  shared.tests.path = "checks";
  spec.template_ = shared;
  return spec;
}

CommitFacts Facts(bool is_affected, ConfigFile file = {}) {
  return FactsOf(ASpec(), {{kCommit, is_affected, std::move(file)}}).at(kCommit);
}

TEST(FactsOf, AreTheTemplatesWithoutAFile) {
  const CommitFacts facts = Facts(true);
  EXPECT_EQ(facts.tests, ASpec().template_->tests);
  EXPECT_FALSE(facts.not_run);
  EXPECT_EQ(facts.refused_file, "");
}

TEST(FactsOf, SayWhichGlobsLeaveTheCommitOut) {
  const CommitFacts facts = Facts(false, {ConfigFile::Kind::kFile, "id", "broken: ["});
  ASSERT_TRUE(facts.not_run);
  EXPECT_EQ(facts.not_run->reason, api::NotRunReason::kPathsUnaffected);
  EXPECT_EQ(facts.not_run->message, "the commit changes nothing that counts: paths src/**");
}

TEST(FactsOf, AreWhatTheFileSays) {
  const CommitFacts facts = Facts(true, {ConfigFile::Kind::kFile, "id", "tests: {path: other}"});
  EXPECT_EQ(facts.tests.path, "other");
  EXPECT_FALSE(facts.not_run);
  EXPECT_EQ(facts.refused_file, "");
}

TEST(FactsOf, TellOfEachFileThatIsWrong) {
  for (const auto& [file, words] :
       {std::pair{ConfigFile{ConfigFile::Kind::kFile, "id", "a: 1"},
                  ".committest.yaml, line 1, column 1: a is not known here"},
        std::pair{ConfigFile{ConfigFile::Kind::kTooLarge, "id", ""}, "expected at most 65536"},
        std::pair{ConfigFile{ConfigFile::Kind::kNoFile, "id", ""}, "expected a file"}}) {
    const CommitFacts facts = Facts(true, file);
    ASSERT_TRUE(facts.not_run);
    EXPECT_EQ(facts.not_run->reason, api::NotRunReason::kConfigurationError);
    EXPECT_NE(facts.not_run->message.find(words), std::string::npos) << facts.not_run->message;
    EXPECT_EQ(facts.tests, ASpec().template_->tests);
    EXPECT_EQ(facts.refused_file, "id");
  }
}

}  // namespace
}  // namespace committest::observer
